import Type from 'typebox';
import type { Delivery } from '../delivery.js';
import type { ApiContext, App } from './context.js';
import { Cursor, Limit, pageOf } from './paging.js';
import { DeliveryShape, DeliveryState, deliveryShape, pageShape, problems } from './shapes.js';

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

/** What was sent to whom, and what came of it. */
export function deliveryRoutes(app: App, { deliveries }: ApiContext): void {
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
    async ({ query }) => {
      const matches = (one: Delivery) =>
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
}
