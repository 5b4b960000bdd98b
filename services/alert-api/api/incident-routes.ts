import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { CommandAction } from '../../../alerting/commands.js';
import { type Incident, isActive } from '../../../alerting/incidents.js';
import { INCIDENT_KINDS } from '../../../alerting/matching.js';
import { severityRank } from '../../../alerting/severity.js';
import { applies } from '../commands.js';
import { raiseBar } from '../raise-bar.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { checkIfMatch, versionTag } from './etag.js';
import { Cursor, Limit, pageOf } from './paging.js';
import { Problem } from './problems.js';
import { maySee } from './scope.js';
import { IncidentShape, IncidentState, incidentShape, pageShape, problems, Severity } from './shapes.js';
import { kafkaWrite } from './writes.js';

const Text = Type.String({ minLength: 1, maxLength: 500 });
const Query = Type.Object(
  {
    pipeline: Type.Optional(Text),
    domain: Type.Optional(Text),
    entity: Type.Optional(Text),
    state: Type.Optional(IncidentState),
    kind: Type.Optional(Type.Enum([...INCIDENT_KINDS])),
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
  {
    note: Type.String({ maxLength: 2000, default: '' }),
    labels: Type.Array(Type.String({ minLength: 1, maxLength: 60 }), {
      maxItems: 20,
      uniqueItems: true,
      default: [],
      description: 'of `label`: its labels from now on',
    }),
    barHours: Type.Number({
      minimum: 0,
      maximum: 720,
      default: 24,
      description:
        'of `false-alarm`: for so long the same entity has to score higher to be told of for the same reason; 0: not at all',
    }),
  },
  { additionalProperties: false, examples: [{ note: 'the valve was closed by hand' }] },
);
const ACTIONS: readonly [path: string, action: CommandAction, summary: string][] = [
  ['acknowledge', 'acknowledge', 'Say that someone takes care of it'],
  ['close', 'close', 'Close it'],
  ['false-alarm', 'falseAlarm', 'Say that it was none; this also becomes a label for the models'],
  ['confirm', 'confirm', 'Say that it was right; this also becomes a label for the models'],
  ['label', 'label', 'Set its labels, by which routes and silences can choose'],
  ['note', 'note', 'Add a note'],
];
const CASCADING: readonly CommandAction[] = ['acknowledge', 'close', 'falseAlarm', 'confirm'];
const tags = ['incidents'];

/** Incidents of all partitions, and people's word on them. */
export function incidentRoutes(app: App, { incidents, commands, control, now }: ApiContext): void {
  async function sendToMembers(
    parent: Incident,
    action: CommandAction,
    by: string,
    note: string,
  ): Promise<void> {
    if (parent.kind !== 'parent') return;
    const members = [...incidents.values()].filter((one) => one.parent === parent.id && isActive(one));
    const text = note || `with ${parent.id}, which stands for it`;
    await commands.sendAll(
      members.filter((one) => applies(one, action)),
      action,
      by,
      text,
    );
  }

  function incidentOf(id: string, request: FastifyRequest): Incident {
    const incident = incidents.get(id);
    if (!incident || !maySee(request, incident.domain))
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
    async (request) => {
      const { query } = request;
      const matches = (one: Incident) =>
        maySee(request, one.domain) &&
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
        response: { 200: IncidentShape, ...problems(304, 404) },
      },
    },
    async (request, reply) => {
      const incident = incidentOf(request.params.id, request);
      reply.header('etag', versionTag(incident.change));
      return incidentShape(incident);
    },
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
          response: { 200: IncidentShape, 202: IncidentShape, ...problems(404, 409, 412, 422, 503) },
        },
      },
      async (request, reply) => {
        const incident = incidentOf(request.params.id, request);
        checkIfMatch(request, versionTag(incident.change));
        if (!applies(incident, action)) {
          throw new Problem(
            'conflict',
            `incident ${incident.id} is ${incident.state} since ${new Date(incident.changedAt).toISOString()} (by ${incident.changedBy}), so ${path} would change nothing`,
          );
        }
        const { name: by } = callerOf(request);
        const { note, labels, barHours } = request.body;
        if (action === 'falseAlarm' && incident.kind === 'single' && barHours > 0) {
          const bar = raiseBar(incident, { by, note, hours: barHours }, control.bars.all(), now());
          await kafkaWrite(control.bars.save(bar.id, bar, by));
        }
        const { applied, incident: after } = await kafkaWrite(
          commands.send(incident, action, by, note, labels),
        );
        // A word on a parent is one on those that it stands for.
        if (CASCADING.includes(action)) await kafkaWrite(sendToMembers(incident, action, by, note));
        return reply.status(applied ? 200 : 202).send(incidentShape(after));
      },
    );
  }
}
