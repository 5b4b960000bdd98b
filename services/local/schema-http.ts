import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { listenFault } from './ports.js';
import { RegistryFault, SchemaStore } from './schema-store.js';

const TYPE = 'application/vnd.schemaregistry.v1+json';

/** The local schema registry: the part of Confluent's REST API that clients use. Anybody on this machine may ask. */
export interface LocalRegistry {
  readonly url: string;
  stop(): Promise<void>;
}

export interface RegistryOptions {
  /** schemas are kept in `schemas.json` here. Default: in memory alone */
  dataDir?: string;
  /** 0: any free one */
  port?: number;
}

export async function startRegistry({ dataDir, port = 0 }: RegistryOptions): Promise<LocalRegistry> {
  const store = await SchemaStore.open(dataDir && join(dataDir, 'schemas.json'));
  const app = registryServer(store);
  const url = await app.listen({ host: '127.0.0.1', port }).catch((error: Error) => {
    throw new Error(`local schema registry: ${listenFault(error, port).message}`, { cause: error });
  });
  return { url, stop: () => app.close() };
}

interface SubjectPath {
  Params: { subject: string };
}
interface VersionPath {
  Params: { subject: string; version: string };
}
interface IdPath {
  Params: { id: string };
}

export function registryServer(store: SchemaStore): FastifyInstance {
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1_000 } });
  app.addContentTypeParser(
    /^application\/(vnd\..+\+json|octet-stream)/,
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'ignore'),
  );
  app.addHook('onSend', async (_request, reply, payload) => {
    reply.header('content-type', TYPE);
    return payload;
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error_code: 404, message: 'HTTP 404 Not Found' }),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const [status, code] =
      error instanceof RegistryFault
        ? [error.status, error.code]
        : [error.statusCode ?? 500, error.statusCode ?? 50001];
    return reply.code(status).send({ error_code: code, message: error.message });
  });

  app.get('/', async () => ({}));
  app.get('/mode', async () => ({ mode: 'READWRITE' }));
  subjectRoutes(app, store);
  schemaRoutes(app, store);
  configRoutes(app, store);
  compatibilityRoutes(app, store);
  return app;
}

function subjectRoutes(app: FastifyInstance, store: SchemaStore): void {
  app.get('/subjects', async () => store.subjects());
  app.post<SubjectPath>('/subjects/:subject', async ({ params: { subject }, body }) => {
    const { id, version } = store.lookUp(subject, schemaIn(body));
    return { subject, version, id, schema: store.schema(id) };
  });
  app.delete<SubjectPath>('/subjects/:subject', async ({ params }) => store.removeSubject(params.subject));
  app.get<SubjectPath>('/subjects/:subject/versions', async ({ params }) =>
    store.versionNumbers(params.subject),
  );
  app.post<SubjectPath>('/subjects/:subject/versions', async ({ params, body }) => ({
    id: await store.register(params.subject, schemaIn(body)),
  }));
  app.get<VersionPath>('/subjects/:subject/versions/:version', async ({ params: { subject, version } }) => ({
    subject,
    ...store.version(subject, version),
  }));
  app.get<VersionPath>('/subjects/:subject/versions/:version/schema', async ({ params }, reply) =>
    reply.send(store.version(params.subject, params.version).schema),
  );
  app.delete<VersionPath>('/subjects/:subject/versions/:version', async ({ params }) =>
    store.removeVersion(params.subject, params.version),
  );
}

function schemaRoutes(app: FastifyInstance, store: SchemaStore): void {
  app.get('/schemas/types', async () => ['AVRO']);
  app.get<IdPath>('/schemas/ids/:id', async ({ params }) => ({ schema: store.schema(Number(params.id)) }));
  app.get<IdPath>('/schemas/ids/:id/schema', async ({ params }, reply) =>
    reply.send(store.schema(Number(params.id))),
  );
  app.get<IdPath>('/schemas/ids/:id/versions', async ({ params }) => store.uses(Number(params.id)));
  app.get<IdPath>('/schemas/ids/:id/subjects', async ({ params }) => [
    ...new Set(store.uses(Number(params.id)).map(({ subject }) => subject)),
  ]);
}

function configRoutes(app: FastifyInstance, store: SchemaStore): void {
  app.get('/config', async () => ({ compatibilityLevel: store.globalLevel() }));
  app.put('/config', async ({ body }) => ({
    compatibility: await store.setLevel(fieldOf(body, 'compatibility')),
  }));
  app.get<SubjectPath & { Querystring: { defaultToGlobal?: string } }>(
    '/config/:subject',
    async ({ params, query }) => {
      const level =
        store.ownLevel(params.subject) ??
        (query.defaultToGlobal === 'true' ? store.globalLevel() : undefined);
      if (!level)
        throw new RegistryFault(
          40408,
          `Subject '${params.subject}' does not have subject-level compatibility configured`,
        );
      return { compatibilityLevel: level };
    },
  );
  app.put<SubjectPath>('/config/:subject', async ({ params, body }) => ({
    compatibility: await store.setLevel(fieldOf(body, 'compatibility'), params.subject),
  }));
  app.delete<SubjectPath>('/config/:subject', async ({ params }) => {
    await store.unsetLevel(params.subject);
    return { compatibility: store.globalLevel() };
  });
}

function compatibilityRoutes(app: FastifyInstance, store: SchemaStore): void {
  interface Query {
    Querystring: { verbose?: string };
  }
  const answer = (reasons: string[], verbose: string | undefined) => ({
    is_compatible: reasons.length === 0,
    ...(verbose === 'true' ? { messages: reasons } : {}),
  });
  app.post<VersionPath & Query>(
    '/compatibility/subjects/:subject/versions/:version',
    async ({ params, query, body }) =>
      answer(store.reasonsAgainst(params.subject, schemaIn(body), params.version), query.verbose),
  );
  app.post<SubjectPath & Query>(
    '/compatibility/subjects/:subject/versions',
    async ({ params, query, body }) =>
      answer(store.reasonsAgainst(params.subject, schemaIn(body)), query.verbose),
  );
}

function schemaIn(body: unknown): string {
  const type = fieldOf(body, 'schemaType') ?? 'AVRO';
  if (type !== 'AVRO')
    throw new RegistryFault(
      42201,
      `Invalid schema: the local registry keeps AVRO alone, not ${JSON.stringify(type)}`,
    );
  const references = fieldOf(body, 'references');
  if (Array.isArray(references) && references.length > 0)
    throw new RegistryFault(
      42201,
      'Invalid schema: the local registry has no references; write the named types into the schema',
    );
  return fieldOf(body, 'schema') as string;
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
}
