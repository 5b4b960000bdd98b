import Type from 'typebox';
import type { Incident } from '../../../alerting/incidents.js';
import { decide, type Policy, type Route } from '../../../alerting/routing.js';
import { ROUTES_ID } from '../control.js';
import { faultOfRoute, RouteShape } from '../policy.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { checkIfMatch, versionTag } from './etag.js';
import * as examples from './examples.js';
import { allOf, needAllDomains } from './scope.js';
import { iso, problems, timeOf } from './shapes.js';
import { NewSilence, refuse, silenceOf } from './silence-routes.js';
import { kafkaWrite } from './writes.js';

const Time = Type.String({ format: 'date-time' });

/** The tree of routes, which can be tried against past incidents. */
export function policyRoutes(app: App, { control, incidents, now }: ApiContext): void {
  const checkTree = (tree: Route) => refuse(faultOfRoute(tree, (id) => control.endpoint(id) !== undefined));

  const tags = ['routes'];
  const RoutesShape = Type.Object(
    { tree: Type.Union([RouteShape, Type.Null()]) },
    { examples: [{ tree: examples.tree }] },
  );
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
        body: Type.Object(
          { tree: RouteShape },
          {
            additionalProperties: false,
            examples: [{ tree: examples.tree }],
          },
        ),
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
        response: { 204: Type.Null(), ...problems(412, 422, 503) },
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
          { additionalProperties: false, examples: [{ tree: examples.tree, limit: 100 }] },
        ),
        response: {
          200: Type.Object(
            {
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
            },
            { examples: [examples.routesPreview] },
          ),
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
          ? { silences: silences.map((one, i) => silenceOf(one, `preview_${i}`, 'preview', now())) }
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
}
