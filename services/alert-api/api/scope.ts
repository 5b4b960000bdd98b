import type { FastifyRequest } from 'fastify';
import { callerOf } from './auth.js';
import { Problem } from './problems.js';

/** Keys may be for some domains only: a tenant sees its own incidents, risks, endpoints and deliveries. */
export function maySee(request: FastifyRequest, domain: string): boolean {
  const { domains } = callerOf(request);
  return domains.length === 0 || domains.includes(domain);
}

export function allOf<V extends { domain: string }>(values: Iterable<V>, request: FastifyRequest): V[] {
  return [...values].filter((one) => maySee(request, one.domain));
}

/** For what concerns everybody. */
export function needAllDomains(request: FastifyRequest): void {
  const { domains, name } = callerOf(request);
  if (domains.length > 0)
    throw new Problem(
      'forbidden',
      `the key "${name}" is for ${domains.join(', ')} only, and this concerns all domains: ask an admin for a key without domains`,
    );
}

/** An endpoint belongs to a tenant when it hears of nothing but the tenant's domains. */
export function owns(request: FastifyRequest, endpoint: { domains: readonly string[] }): boolean {
  const { domains } = callerOf(request);
  return (
    domains.length === 0 ||
    (endpoint.domains.length > 0 && endpoint.domains.every((one) => domains.includes(one)))
  );
}

/** The domains of an endpoint that this caller makes or changes: a tenant's own unless it names some of them. */
export function domainsFor(request: FastifyRequest, asked: string[] | undefined): string[] | undefined {
  const { domains, name } = callerOf(request);
  if (domains.length === 0) return asked;
  const wanted = asked?.length ? asked : [...domains];
  const foreign = wanted.find((one) => !domains.includes(one));
  if (foreign !== undefined)
    throw new Problem(
      'forbidden',
      `domains holds ${foreign}, but the key "${name}" is for ${domains.join(', ')} only`,
    );
  return wanted;
}
