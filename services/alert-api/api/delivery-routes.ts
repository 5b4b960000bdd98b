import Type from 'typebox';
import type { Delivery } from '../delivery.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { Cursor, Limit, pageOf } from './paging.js';
import { Problem } from './problems.js';
import { maySee, owns } from './scope.js';
import { DeliveryShape, DeliveryState, deliveryShape, pageShape, problems, timeOf } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Text = Type.String({ minLength: 1, maxLength: 500 });
const Query = Type.Object(
  {
    endpoint: Type.Optional(Text),
    incident: Type.Optional(Text),
    pipeline: Type.Optional(Text),
    state: Type.Optional(DeliveryState),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  { additionalProperties: false },
);

const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const Asked = Type.Object({ asked: Type.Boolean() }, { examples: [{ asked: true }] });

/** What was sent to whom, and what came of it. */
export function deliveryRoutes(app: App, { deliveries, control, commands, partitions }: ApiContext): void {
  app.get(
    '/deliveries',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['deliveries'],
        summary: 'List deliveries, the one changed last first',
        description: 'Only the newest are kept here (RISKWIRE_LISTED); ClickHouse has all.',
        querystring: Query,
        response: { 200: pageShape(DeliveryShape), ...problems() },
      },
    },
    async (request) => {
      const { query } = request;
      const matches = (one: Delivery) =>
        maySee(request, one.domain) &&
        (query.endpoint === undefined || one.endpoint === query.endpoint) &&
        (query.incident === undefined || one.incident === query.incident) &&
        (query.pipeline === undefined || one.pipeline === query.pipeline) &&
        (query.state === undefined || one.state === query.state);
      const page = pageOf(
        deliveries.values(),
        matches,
        (one) => ({ at: one.updatedAt, id: one.id }),
        query.limit,
        query.cursor,
      );
      return { items: page.items.map(deliveryShape), next: page.next };
    },
  );

  app.post(
    '/deliveries/:id/redeliver',
    {
      config: { role: 'operator' },
      schema: {
        tags: ['deliveries'],
        summary: 'Send a delivery again, under the same webhook-id',
        description: 'Asks the replica that owns it; look at the delivery for what came of it.',
        params: Id,
        response: { 202: Asked, ...problems(404, 409, 422, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const delivery = deliveries.get(id);
      if (!delivery || !maySee(request, delivery.domain))
        throw new Problem(
          'not-found',
          `there is no delivery ${id} among the newest that are listed here: POST /v1/endpoints/<id>/redeliver takes older ones by time`,
        );
      if (delivery.state === 'pending')
        throw new Problem('conflict', `delivery ${id} is pending: it is being tried already`);
      await kafkaWrite(commands.redeliver(all(), { delivery: id }, callerOf(request).name));
      return reply.status(202).send({ asked: true });
    },
  );

  app.post(
    '/endpoints/:id/redeliver',
    {
      config: { role: 'operator' },
      schema: {
        tags: ['deliveries'],
        summary: 'Send an endpoint’s deliveries of a time again, under their webhook-ids',
        params: Id,
        body: Type.Object(
          {
            from: Type.Optional(Type.String({ format: 'date-time', description: 'when they were made' })),
            to: Type.Optional(Type.String({ format: 'date-time', description: 'not included' })),
            states: Type.Array(Type.Enum(['succeeded', 'parked', 'dropped']), {
              minItems: 1,
              default: ['parked', 'dropped'],
            }),
          },
          { additionalProperties: false, examples: [{ from: '2026-11-24T08:00:00Z', states: ['parked'] }] },
        ),
        response: { 202: Asked, ...problems(404, 409, 422, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const endpoint = control.endpoint(id);
      if (!endpoint || !owns(request, endpoint))
        throw new Problem('not-found', `there is no endpoint ${id}: GET /v1/endpoints lists them`);
      if (endpoint.state !== 'enabled')
        throw new Problem('conflict', `endpoint ${id} is disabled: enable it first`);
      const { states } = request.body;
      const from = timeOf(request.body.from, 'from');
      const to = timeOf(request.body.to, 'to');
      const select = {
        endpoint: id,
        states,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
      await kafkaWrite(commands.redeliver(all(), select, callerOf(request).name));
      return reply.status(202).send({ asked: true });
    },
  );

  const all = () => Array.from({ length: partitions }, (_, partition) => partition);
}
