import Type from 'typebox';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import * as examples from './examples.js';
import { Problem } from './problems.js';
import { maySee, needAllDomains } from './scope.js';
import { iso, pageShape, problems } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Time = Type.String({ format: 'date-time' });
const Text = Type.String({ minLength: 1, maxLength: 500 });
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });

const BarShape = Type.Object(
  {
    id: Type.String(),
    pipeline: Type.String(),
    domain: Type.String(),
    entity: Type.String(),
    reason: Type.String(),
    score: Type.Number({ description: 'an incident below it is not told of' }),
    until: Time,
    incident: Type.String({ description: 'the false alarm that raised it' }),
    note: Type.String(),
    raisedAt: Time,
    raisedBy: Type.String(),
  },
  { examples: [examples.bar] },
);

/** What false alarms have raised, and the audit trail. */
export function feedbackRoutes(app: App, { control, now }: ApiContext): void {
  app.get(
    '/bars',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['feedback'],
        summary: 'Bars that false alarms have raised',
        response: { 200: pageShape(BarShape), ...problems() },
      },
    },
    async (request) => ({
      items: control.bars
        .all()
        .filter((one) => one.until > now() && maySee(request, one.domain))
        .map((one) => ({ ...one, until: iso(one.until), raisedAt: iso(one.raisedAt) })),
      next: null,
    }),
  );

  app.delete(
    '/bars/:id',
    {
      config: { role: 'operator' },
      schema: {
        tags: ['feedback'],
        summary: 'Lower a bar again',
        params: Id,
        response: { 204: Type.Null(), ...problems(404, 422, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const bar = control.bars.get(id);
      if (!bar || !maySee(request, bar.domain))
        throw new Problem('not-found', `there is no raised bar ${id}: GET /v1/bars lists them`);
      await kafkaWrite(control.bars.delete(id, callerOf(request).name));
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/audit',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['audit'],
        summary: 'Who changed what, the newest first',
        description: 'Incidents’ own changes are in ClickHouse, table incidents.',
        querystring: Type.Object(
          {
            kind: Type.Optional(Text),
            subject: Type.Optional(Text),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: pageShape(
            Type.Object(
              {
                id: Type.String(),
                at: Time,
                by: Type.String(),
                action: Type.String(),
                kind: Type.String(),
                subject: Type.String(),
                value: Type.Unknown(),
              },
              { examples: [examples.audited] },
            ),
          ),
          ...problems(),
        },
      },
    },
    async (request) => {
      needAllDomains(request);
      const { kind, subject, limit } = request.query;
      const items = control
        .audit()
        .filter(
          (one) =>
            (kind === undefined || one.kind === kind) && (subject === undefined || one.subject === subject),
        )
        .slice(-limit)
        .reverse()
        .map((one) => ({ ...one, at: iso(one.at) }));
      return { items, next: null };
    },
  );
}
