import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import type { Incident } from '../../../alerting/incidents.js';
import { matches } from '../../../alerting/matching.js';
import type { Silence } from '../../../alerting/routing.js';
import { faultOfSpans, MatchShape, SpanShape } from '../policy.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import * as examples from './examples.js';
import { Problem } from './problems.js';
import { allOf, needAllDomains } from './scope.js';
import { iso, pageShape, problems, timeOf } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Time = Type.String({ format: 'date-time' });
const Text = Type.String({ minLength: 1, maxLength: 500 });
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const MOST_SILENCE_MS = 366 * 86_400_000;
const MOST_LISTED = 50;
const tags = ['silences'];

const SilenceShape = Type.Object(
  {
    id: Type.String(),
    match: MatchShape,
    startsAt: Time,
    endsAt: Time,
    author: Type.String(),
    reason: Type.String(),
    state: Type.Enum(['pending', 'active', 'over']),
  },
  { examples: [examples.silence] },
);
export const NewSilence = Type.Object(
  {
    match: MatchShape,
    startsAt: Type.Optional(Time),
    endsAt: Time,
    reason: Text,
  },
  {
    additionalProperties: false,
    examples: [
      {
        match: { pipelines: ['production'], entity: 'pump-*' },
        endsAt: '2027-01-05T18:00:00Z',
        reason: 'the pumps are being cleaned',
      },
    ],
  },
);
const WindowShape = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    match: MatchShape,
    spans: Type.Array(SpanShape),
    author: Type.String(),
  },
  { examples: [examples.maintenanceWindow] },
);
const Hidden = Type.Object({
  count: Type.Integer(),
  incidents: Type.Array(Type.String(), { description: `ids, ${MOST_LISTED} at most` }),
});

/** Silences and maintenance windows. */
export function silenceRoutes(app: App, { control, incidents, now }: ApiContext): void {
  const silenceShape = (one: Silence) => ({
    ...one,
    startsAt: iso(one.startsAt),
    endsAt: iso(one.endsAt),
    state:
      now() < one.startsAt
        ? ('pending' as const)
        : now() < one.endsAt
          ? ('active' as const)
          : ('over' as const),
  });

  app.get(
    '/silences',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'List the silences',
        response: { 200: pageShape(SilenceShape), ...problems() },
      },
    },
    async (request) => {
      needAllDomains(request);
      return { items: control.silences.all().map(silenceShape), next: null };
    },
  );

  app.post(
    '/silences',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Hold back what matches, for a time and for a reason',
        description:
          'Ends of incidents are told nevertheless. What was held back is listed among the deliveries.',
        body: NewSilence,
        response: { 201: SilenceShape, ...problems(422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      const caller = callerOf(request);
      const silence = silenceOf(request.body, newId('sil'), caller.name, now());
      await kafkaWrite(control.silences.save(silence.id, silence, caller.name));
      return reply.status(201).send(silenceShape(silence));
    },
  );

  app.post(
    '/silences/preview',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Which of the listed incidents a silence would hide',
        body: Type.Object(
          { match: MatchShape },
          { additionalProperties: false, examples: [{ match: examples.silence.match }] },
        ),
        response: {
          200: Type.Object({ active: Hidden, past: Hidden }, { examples: [examples.silencePreview] }),
          ...problems(422),
        },
      },
    },
    async (request) => {
      const found = allOf(incidents.values(), request).filter((one) => matches(request.body.match, one));
      const shown = (some: Incident[]) => ({
        count: some.length,
        incidents: some.slice(0, MOST_LISTED).map((one) => one.id),
      });
      const active = (one: Incident) => one.state === 'open' || one.state === 'acknowledged';
      return { active: shown(found.filter(active)), past: shown(found.filter((one) => !active(one))) };
    },
  );

  app.delete(
    '/silences/:id',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'End a silence',
        params: Id,
        response: { 204: Type.Null(), ...problems(404, 422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      const { id } = request.params;
      if (!control.silences.get(id))
        throw new Problem('not-found', `there is no silence ${id}: GET /v1/silences lists them`);
      await kafkaWrite(control.silences.delete(id, callerOf(request).name));
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/windows',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'List the maintenance windows',
        response: { 200: pageShape(WindowShape), ...problems() },
      },
    },
    async (request) => {
      needAllDomains(request);
      return { items: control.windows.all(), next: null };
    },
  );

  app.post(
    '/windows',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Hold back what matches in planned work that comes every week',
        body: Type.Object(
          { name: Text, match: MatchShape, spans: Type.Array(SpanShape, { minItems: 1, maxItems: 20 }) },
          { additionalProperties: false, examples: [examples.newWindow] },
        ),
        response: { 201: WindowShape, ...problems(422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      refuse(faultOfSpans(request.body.spans, 'spans'));
      const caller = callerOf(request);
      const window = { ...request.body, id: newId('win'), author: caller.name };
      await kafkaWrite(control.windows.save(window.id, window, caller.name));
      return reply.status(201).send(window);
    },
  );

  app.delete(
    '/windows/:id',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Delete a maintenance window',
        params: Id,
        response: { 204: Type.Null(), ...problems(404, 422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      const { id } = request.params;
      if (!control.windows.get(id))
        throw new Problem('not-found', `there is no maintenance window ${id}: GET /v1/windows lists them`);
      await kafkaWrite(control.windows.delete(id, callerOf(request).name));
      return reply.status(204).send(null);
    },
  );
}

/** Answers what a schema can't say. */
export function refuse(fault: { field: string; value: string; remedy: string } | undefined): void {
  if (fault)
    throw new Problem(
      'unprocessable',
      `${fault.field} is ${JSON.stringify(fault.value)}, which ${fault.remedy}`,
      {
        errors: [fault],
      },
    );
}
/** The times and text of a new silence, checked. */
export function silenceOf(
  body: { match: Silence['match']; startsAt?: string; endsAt: string; reason: string },
  id: string,
  author: string,
  now: number,
): Silence {
  const startsAt = timeOf(body.startsAt, 'startsAt') ?? now;
  const endsAt = timeOf(body.endsAt, 'endsAt') ?? 0;
  if (endsAt <= startsAt || endsAt - startsAt > MOST_SILENCE_MS)
    refuse({ field: 'endsAt', value: body.endsAt, remedy: 'must be after startsAt, by a year at most' });
  return { id, match: body.match, startsAt, endsAt, author, reason: body.reason };
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(10).toString('hex')}`;
}
