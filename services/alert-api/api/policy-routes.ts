import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import type { Incident } from '../../../alerting/incidents.js';
import { matches } from '../../../alerting/matching.js';
import { decide, type Policy, type Route, type Silence } from '../../../alerting/routing.js';
import { ROUTES_ID } from '../control.js';
import { faultOfRoute, faultOfSpans, MatchShape, RouteShape, SpanShape } from '../policy.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { checkIfMatch, versionTag } from './etag.js';
import { Problem } from './problems.js';
import { allOf, maySee, needAllDomains } from './scope.js';
import { iso, pageShape, problems, timeOf } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Time = Type.String({ format: 'date-time' });
const Text = Type.String({ minLength: 1, maxLength: 500 });
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const MOST_SILENCE_MS = 366 * 86_400_000;
const MOST_LISTED = 50;

const SilenceShape = Type.Object({
  id: Type.String(),
  match: MatchShape,
  startsAt: Time,
  endsAt: Time,
  author: Type.String(),
  reason: Type.String(),
  state: Type.Enum(['pending', 'active', 'over']),
});
const NewSilence = Type.Object(
  {
    match: MatchShape,
    startsAt: Type.Optional(Time),
    endsAt: Time,
    reason: Text,
  },
  { additionalProperties: false },
);
const WindowShape = Type.Object({
  id: Type.String(),
  name: Type.String(),
  match: MatchShape,
  spans: Type.Array(SpanShape),
  author: Type.String(),
});
const BarShape = Type.Object({
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
});
const Hidden = Type.Object({
  count: Type.Integer(),
  incidents: Type.Array(Type.String(), { description: `ids, ${MOST_LISTED} at most` }),
});

/** Routes, silences, maintenance windows and raised bars; all can be tried against past incidents. */
export function policyRoutes(app: App, { control, incidents, now }: ApiContext): void {
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

  function refuse(fault: { field: string; value: string; remedy: string } | undefined): void {
    if (fault)
      throw new Problem(
        'unprocessable',
        `${fault.field} is ${JSON.stringify(fault.value)}, which ${fault.remedy}`,
        {
          errors: [fault],
        },
      );
  }
  const checkTree = (tree: Route) => refuse(faultOfRoute(tree, (id) => control.endpoint(id) !== undefined));

  /** The times and text of a new silence, checked. */
  function silenceOf(
    body: { match: Silence['match']; startsAt?: string; endsAt: string; reason: string },
    id: string,
    author: string,
  ): Silence {
    const startsAt = timeOf(body.startsAt, 'startsAt') ?? now();
    const endsAt = timeOf(body.endsAt, 'endsAt') ?? 0;
    if (endsAt <= startsAt || endsAt - startsAt > MOST_SILENCE_MS)
      refuse({ field: 'endsAt', value: body.endsAt, remedy: 'must be after startsAt, by a year at most' });
    return { id, match: body.match, startsAt, endsAt, author, reason: body.reason };
  }

  const tags = ['routes'];
  const RoutesShape = Type.Object({ tree: Type.Union([RouteShape, Type.Null()]) });
  app.get(
    '/routes',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The tree of routes',
        description: 'null: there is none, and each endpoint’s own filter decides.',
        response: { 200: RoutesShape, ...problems(304) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      reply.header('etag', versionTag(control.routes.version(ROUTES_ID)));
      return { tree: control.routes.get(ROUTES_ID)?.tree ?? null };
    },
  );

  app.put(
    '/routes',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Set the tree of routes',
        description:
          'The first child that matches decides, or, where none does, the route itself; `continue` also looks at those after it. What a route leaves out it has from the one above. An endpoint’s own filter applies as well.',
        body: Type.Object({ tree: RouteShape }, { additionalProperties: false }),
        response: { 200: RoutesShape, ...problems(412, 422, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      checkIfMatch(request, versionTag(control.routes.version(ROUTES_ID)));
      checkTree(request.body.tree);
      await kafkaWrite(control.routes.save(ROUTES_ID, request.body, callerOf(request).name));
      reply.header('etag', versionTag(control.routes.version(ROUTES_ID)));
      return request.body;
    },
  );

  app.delete(
    '/routes',
    {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Do without routes: each endpoint’s own filter decides',
        response: { 204: Type.Null(), ...problems(412, 503) },
      },
    },
    async (request, reply) => {
      needAllDomains(request);
      checkIfMatch(request, versionTag(control.routes.version(ROUTES_ID)));
      await kafkaWrite(control.routes.delete(ROUTES_ID, callerOf(request).name));
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/routes/preview',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Who would have heard of past incidents',
        description:
          'Decides as the service does, with what is given in place of what is set. Each incident is taken as it is now, at the time of its last change.',
        body: Type.Object(
          {
            tree: Type.Optional(Type.Union([RouteShape, Type.Null()])),
            silences: Type.Optional(Type.Array(NewSilence, { maxItems: 100 })),
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            incidents: Type.Integer({ description: 'how many were looked at' }),
            told: Type.Integer(),
            held: Type.Integer(),
            nobody: Type.Integer({ description: 'no endpoint wants them' }),
            items: Type.Array(
              Type.Object({
                incident: Type.String(),
                change: Type.String(),
                routes: Type.Array(Type.Array(Type.String())),
                endpoints: Type.Array(Type.Object({ id: Type.String(), notBefore: Time })),
                held: Type.Union([Type.String(), Type.Null()]),
              }),
            ),
          }),
          ...problems(422),
        },
      },
    },
    async (request) => {
      const { tree, silences, limit } = request.body;
      const from = timeOf(request.body.from, 'from') ?? Number.NEGATIVE_INFINITY;
      const to = timeOf(request.body.to, 'to') ?? Number.POSITIVE_INFINITY;
      if (tree) checkTree(tree);
      const { tree: presentTree, ...present } = control.policy();
      const wanted = tree === undefined ? presentTree : (tree ?? undefined);
      const policy: Policy = {
        ...present,
        ...(wanted ? { tree: wanted } : {}),
        ...(silences
          ? { silences: silences.map((one, i) => silenceOf(one, `preview_${i}`, 'preview')) }
          : {}),
      };
      const endpoints = control.endpoints().filter((one) => one.state === 'enabled');
      const items = allOf(incidents.values(), request)
        .filter((one) => one.changedAt >= from && one.changedAt < to)
        .sort((a, b) => b.changedAt - a.changedAt)
        .slice(0, limit)
        .map((incident) => {
          // What it was opened with is what people want to see routed, whatever became of it since.
          const opened: Incident = { ...incident, changeKind: 'opened' };
          const { tell, routes, held } = decide(opened, 'opened', incident.changedAt, policy, endpoints);
          return {
            incident: incident.id,
            change: 'opened',
            routes,
            endpoints: tell.map((one) => ({ id: one.endpoint, notBefore: iso(one.notBefore) })),
            held: held ?? null,
          };
        });
      return {
        incidents: items.length,
        told: items.filter((one) => one.endpoints.length > 0 && one.held === null).length,
        held: items.filter((one) => one.held !== null).length,
        nobody: items.filter((one) => one.endpoints.length === 0).length,
        items,
      };
    },
  );

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
      const silence = silenceOf(request.body, newId('sil'), caller.name);
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
        body: Type.Object({ match: MatchShape }, { additionalProperties: false }),
        response: { 200: Type.Object({ active: Hidden, past: Hidden }), ...problems() },
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
        response: { 204: Type.Null(), ...problems(404, 503) },
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
          { additionalProperties: false },
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
        response: { 204: Type.Null(), ...problems(404, 503) },
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
        response: { 204: Type.Null(), ...problems(404, 503) },
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
            Type.Object({
              id: Type.String(),
              at: Time,
              by: Type.String(),
              action: Type.String(),
              kind: Type.String(),
              subject: Type.String(),
              value: Type.Unknown(),
            }),
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

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(10).toString('hex')}`;
}
