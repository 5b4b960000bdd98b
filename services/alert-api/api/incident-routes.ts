import Type from 'typebox';
import type { CommandAction, Incident } from '../../../alerting/incidents.js';
import { severityRank } from '../../../alerting/severity.js';
import { applies } from '../commands.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { Cursor, Limit, pageOf } from './paging.js';
import { Problem } from './problems.js';
import { IncidentShape, IncidentState, incidentShape, pageShape, problems, Severity } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Text = Type.String({ minLength: 1, maxLength: 500 });
const Query = Type.Object(
  {
    pipeline: Type.Optional(Text),
    domain: Type.Optional(Text),
    entity: Type.Optional(Text),
    state: Type.Optional(IncidentState),
    kind: Type.Optional(Type.Enum(['single', 'parent'])),
    parent: Type.Optional(Text),
    reason: Type.Optional(Text),
    label: Type.Optional(Text),
    severity: Type.Optional(Severity),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  { additionalProperties: false },
);
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const Word = Type.Object(
  { note: Type.String({ maxLength: 2000, default: '' }) },
  { additionalProperties: false },
);
const ACTIONS: readonly [path: string, action: CommandAction, summary: string][] = [
  ['acknowledge', 'acknowledge', 'Say that someone takes care of it'],
  ['close', 'close', 'Close it'],
  ['false-alarm', 'falseAlarm', 'Say that it was none; this also becomes a label for the models'],
  ['note', 'note', 'Add a note'],
];
const tags = ['incidents'];

/** Incidents of all partitions, and people's word on them. */
export function incidentRoutes(app: App, { incidents, commands }: ApiContext): void {
  function incidentOf(id: string): Incident {
    const incident = incidents.get(id);
    if (!incident)
      throw new Problem(
        'not-found',
        `there is no incident ${id} among the newest that are listed here: older ones are in ClickHouse, table incidents`,
      );
    return incident;
  }

  app.get(
    '/incidents',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'List incidents, the one changed last first',
        description:
          '`severity` is the least. Only the newest are kept here (RISKWIRE_LISTED); ClickHouse has all.',
        querystring: Query,
        response: { 200: pageShape(IncidentShape), ...problems() },
      },
    },
    async ({ query }) => {
      const matches = (one: Incident) =>
        (query.pipeline === undefined || one.pipeline === query.pipeline) &&
        (query.domain === undefined || one.domain === query.domain) &&
        (query.entity === undefined || one.entity === query.entity) &&
        (query.kind === undefined || one.kind === query.kind) &&
        (query.parent === undefined || one.parent === query.parent) &&
        (query.reason === undefined || one.reason === query.reason) &&
        (query.label === undefined || one.labels.includes(query.label)) &&
        (query.state === undefined || one.state === query.state) &&
        (query.severity === undefined || severityRank(one.severity) >= severityRank(query.severity));
      const page = pageOf(
        incidents.values(),
        matches,
        (one) => ({ at: one.changedAt, id: one.id }),
        query.limit,
        query.cursor,
      );
      return { items: page.items.map(incidentShape), next: page.next };
    },
  );

  app.get(
    '/incidents/:id',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'One incident',
        params: Id,
        response: { 200: IncidentShape, ...problems(404) },
      },
    },
    async ({ params }) => incidentShape(incidentOf(params.id)),
  );

  for (const [path, action, summary] of ACTIONS) {
    app.post(
      `/incidents/:id/${path}`,
      {
        config: { role: 'operator' },
        schema: {
          tags,
          summary,
          description: '202 when the replica that owns the incident has not applied it yet; it will.',
          params: Id,
          body: Word,
          response: { 200: IncidentShape, 202: IncidentShape, ...problems(404, 409, 503) },
        },
      },
      async (request, reply) => {
        const incident = incidentOf(request.params.id);
        if (!applies(incident, action)) {
          throw new Problem(
            'conflict',
            `incident ${incident.id} is ${incident.state} since ${new Date(incident.changedAt).toISOString()} (by ${incident.changedBy}), so ${path} would change nothing`,
          );
        }
        const { applied, incident: after } = await kafkaWrite(
          commands.send(incident, action, callerOf(request).name, request.body.note),
        );
        return reply.status(applied ? 200 : 202).send(incidentShape(after));
      },
    );
  }
}
