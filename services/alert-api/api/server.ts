import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import Type from 'typebox';
import { authorize, identify } from './auth.js';
import type { ApiContext, App } from './context.js';
import { deliveryRoutes } from './delivery-routes.js';
import { endpointRoutes } from './endpoint-routes.js';
import { contentTag, hasTag } from './etag.js';
import { feedbackRoutes } from './feedback-routes.js';
import { keepAnswers } from './idempotency.js';
import { incidentRoutes } from './incident-routes.js';
import { keyRoutes } from './key-routes.js';
import { policyRoutes } from './policy-routes.js';
import { PROBLEMS, Problem, problemOf } from './problems.js';
import { riskRoutes } from './risk-routes.js';
import { silenceRoutes } from './silence-routes.js';
import { streamRoute } from './stream-route.js';

export interface ServerOptions {
  version: string;
  /** requests a minute from one API key, or from one address without */
  rateLimit: number;
  trustProxy: boolean;
}

const DESCRIPTION = `Incidents, webhooks and risks.

Writes take an \`Idempotency-Key\`: the same request under the same key is answered as the first time, for a day. Reads
give an \`ETag\`, for \`If-None-Match\`; changes take it as \`If-Match\`. Lists are paged by \`cursor\`.

Errors are RFC 9457 problem details. Their codes:

| code | status | |
| --- | --- | --- |
${Object.entries(PROBLEMS)
  .map(([code, { status, title }]) => `| ${code} | ${status} | ${title} |`)
  .join('\n')}`;

const BODY_LIMIT = 64 * 1024;
const REQUEST_TIMEOUT = 30_000;

/** The HTTP side of the alert API, not yet listening. */
export async function buildServer(options: ServerOptions, context: ApiContext): Promise<App> {
  const app: App = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    trustProxy: options.trustProxy,
    forceCloseConnections: true,
    ajv: {
      customOptions: { allErrors: true, removeAdditional: false, coerceTypes: true, useDefaults: true },
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_000 },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setErrorHandler((error, request, reply) => answer(problemOf(error, request), request, reply));
  app.setNotFoundHandler((request, reply) =>
    answer(
      new Problem(
        'no-route',
        `there is no ${request.method} ${request.url.split('?', 1)[0]}: GET /openapi.json lists what there is`,
      ),
      request,
      reply,
    ),
  );
  function answer(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
    if (problem.status >= 500)
      context.log.error(
        { method: request.method, route: request.routeOptions.url, error: problem.cause ?? problem },
        problem.message,
      );
    const { retryAfterSeconds } = problem.extra;
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="riskwire"');
    void reply
      .status(problem.status)
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send(problem.body(request.url.split('?', 1)[0] ?? '/'));
  }

  // First who asks, then how often (by key or address), then whether they may.
  app.decorateRequest('caller', undefined);
  app.addHook('onRequest', async (request) => {
    request.caller = identify(context, request);
    if (request.caller) context.used(request.caller.keyId);
  });
  await app.register(rateLimit, {
    max: options.rateLimit,
    timeWindow: 60_000,
    cache: 10_000,
    allowList: (request) => request.url.startsWith('/health/') || request.url === '/metrics',
    keyGenerator: (request) => request.caller?.keyId ?? request.ip,
    errorResponseBuilder: (_request, limit) =>
      new Problem('too-many-requests', `more than ${limit.max} requests a minute: wait ${limit.after}`),
  });
  app.addHook('preParsing', async (request) => authorize(request));

  // A POST without a body is one with nothing to say, and the schema names what is missing.
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST') request.body ??= {};
  });

  keepAnswers(app, context);
  // Whoever has the present version is told so instead of being sent it again.
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    if (!request.url.startsWith('/v1/')) return payload;
    const tag = String(reply.getHeader('etag') ?? contentTag(payload));
    reply.header('etag', tag).header('cache-control', 'private, no-cache');
    const known = request.headers['if-none-match'];
    if (known === undefined || !hasTag(known, tag)) return payload;
    reply.status(304).removeHeader('content-length');
    return '';
  });

  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: { styleSrc: ["'self'", "'unsafe-inline'"], upgradeInsecureRequests: null },
    },
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Riskwire',
        version: options.version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'an API key, rw_…' } },
      },
    },
    transform: ({ schema, url, route }) => {
      const role = route.config?.role;
      const shown = {
        ...schema,
        ...(schema?.body ? { body: withoutDefaulted(schema.body) } : {}),
        ...(schema?.querystring ? { querystring: withoutDefaulted(schema.querystring) } : {}),
      };
      return {
        schema:
          role === undefined
            ? shown
            : {
                ...shown,
                security: [{ key: [] }],
                description: `${schema?.description ?? ''} Takes the role ${role}.`.trim(),
              },
        url,
      };
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: false });

  await app.register(
    async (v1) => {
      const routes = v1 as App;
      endpointRoutes(routes, context);
      incidentRoutes(routes, context);
      deliveryRoutes(routes, context);
      riskRoutes(routes, context);
      keyRoutes(routes, context);
      policyRoutes(routes, context);
      silenceRoutes(routes, context);
      feedbackRoutes(routes, context);
      streamRoute(routes, context);
    },
    { prefix: '/v1' },
  );
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  const Health = Type.Object(
    { status: Type.String(), reasons: Type.Array(Type.String()) },
    { additionalProperties: true, examples: [{ status: 'ok', reasons: [] }] },
  );
  app.get(
    '/health/live',
    { schema: { tags: ['health'], summary: 'Is the process alive?', response: { 200: Health } } },
    async () => ({ status: 'ok', reasons: [] }),
  );
  app.get(
    '/health/ready',
    { schema: { tags: ['health'], summary: 'Does it do its work?', response: { 200: Health, 503: Health } } },
    async (_request, reply) => {
      const reasons = context.faults();
      return reply
        .status(reasons.length === 0 ? 200 : 503)
        .send({ status: reasons.length === 0 ? 'ok' : 'unavailable', reasons, ...context.about() });
    },
  );
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { contentType, text } = await context.metrics();
    return reply.type(contentType).send(text);
  });
  return app;
}

/** What has a default may be left out: within the service it is always there, whoever asks needn't give it. */
function withoutDefaulted(schema: unknown): Record<string, unknown> {
  const { required = [], ...rest } = schema as {
    required?: readonly string[];
    properties?: Record<string, { default?: unknown }>;
  };
  const needed = required.filter((name) => rest.properties?.[name]?.default === undefined);
  return needed.length === 0 ? rest : { ...rest, required: needed };
}
