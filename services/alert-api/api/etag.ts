import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problems.js';

export function versionTag(version: number): string {
  return `"v${version}"`;
}

export function contentTag(content: string): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}

/** Is the tag among those of an If-Match or If-None-Match header? */
export function hasTag(header: string, tag: string): boolean {
  return header.split(',').some((part) => {
    const one = part.trim();
    return one === '*' || one.replace(/^W\//, '') === tag;
  });
}

/** Refuses a change of something that has changed since the caller looked at it. */
export function checkIfMatch(request: FastifyRequest, tag: string): void {
  const wanted = request.headers['if-match'];
  if (wanted !== undefined && !hasTag(wanted, tag))
    throw new Problem(
      'changed-meanwhile',
      `If-Match is ${wanted.slice(0, 100)}, but it is ${tag} now: read it again and change that`,
    );
}
