import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MemoryRegistry {
  readonly url: string;
  /** subject → schemas in the order in which they were registered */
  readonly subjects: ReadonlyMap<string, string[]>;
  stop(): Promise<void>;
}

/** The part of Confluent's schema registry API that producers and the scorer use, in memory. */
export async function startMemoryRegistry(): Promise<MemoryRegistry> {
  const subjects = new Map<string, string[]>();
  const schemas: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const answer = (status: number, value: object) => {
        response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
        response.end(JSON.stringify(value));
      };
      const subject = /^\/subjects\/([^/]+)\/versions$/.exec(request.url ?? '')?.[1];
      const id = /^\/schemas\/ids\/(\d+)$/.exec(request.url ?? '')?.[1];
      if (request.method === 'POST' && subject) {
        const { schema } = JSON.parse(body) as { schema: string };
        if (!schemas.includes(schema)) schemas.push(schema);
        subjects.set(subject, [...(subjects.get(subject) ?? []), schema]);
        answer(200, { id: schemas.indexOf(schema) + 1 });
      } else if (request.method === 'GET' && id && schemas[Number(id) - 1] !== undefined) {
        answer(200, { schema: schemas[Number(id) - 1] });
      } else answer(404, { error_code: 40403, message: 'Schema not found' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subjects,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
