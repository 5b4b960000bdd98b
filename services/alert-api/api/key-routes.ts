import Type from 'typebox';
import { type ApiKey, newApiKey } from '../api-keys.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import * as examples from './examples.js';
import { Problem } from './problems.js';
import { needAllDomains } from './scope.js';
import { iso, KeyShape, pageShape, problems, Role } from './shapes.js';
import { kafkaWrite } from './writes.js';

const tags = ['api-keys'];

/** API keys; for admins. */
export function keyRoutes(app: App, { control, now }: ApiContext): void {
  const shape = ({ hash: _hash, ...key }: ApiKey) => {
    const used = control.uses.get(key.id);
    return {
      ...key,
      domains: key.domains ?? [],
      createdAt: iso(key.createdAt),
      lastUsedAt: used ? iso(used.at) : null,
    };
  };

  app.get(
    '/api-keys',
    {
      config: { role: 'admin' },
      schema: { tags, summary: 'List the API keys', response: { 200: pageShape(KeyShape), ...problems() } },
    },
    async (request) => {
      needAllDomains(request);
      return {
        items: control.keys().map(shape),
        next: null,
      };
    },
  );

  app.post(
    '/api-keys',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Make an API key',
        description: 'The answer holds the key, this once.',
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 100 }),
            role: Role,
            domains: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
              maxItems: 100,
              default: [],
              description: 'what it may see and change; none: all',
            }),
          },
          {
            additionalProperties: false,
            examples: [{ name: 'Dashboard', role: 'viewer', domains: ['plant-1'] }],
          },
        ),
        response: {
          201: Type.Intersect([KeyShape, Type.Object({ key: Type.String() })], {
            examples: [examples.newKey],
          }),
          ...problems(422, 503),
        },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      const caller = callerOf(request);
      const { key, record } = newApiKey(
        request.body.name,
        request.body.role,
        caller.name,
        now(),
        request.body.domains,
      );
      await kafkaWrite(control.saveKey(record, caller.name));
      return reply.status(201).send({ ...shape(record), key });
    },
  );

  app.delete(
    '/api-keys/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'Revoke an API key',
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 204: Type.Null(), ...problems(404, 422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      const { id } = request.params;
      if (!control.key(id))
        throw new Problem(
          'not-found',
          `there is no API key ${id} to revoke: GET /v1/api-keys lists them (the bootstrap key goes with RISKWIRE_BOOTSTRAP_KEY)`,
        );
      await kafkaWrite(control.deleteKey(id, callerOf(request).name));
      return reply.status(204).send(null);
    },
  );
}
