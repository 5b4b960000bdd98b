import { firstOffset, type Incident, type RiskInput, takenIn } from '../../alerting/incidents.js';
import type { TopicNames } from '../../lib/topics.js';

/** Where a record was read. */
export interface Position {
  partition: number;
  offset: string;
}

/** A decoded record of one of our own topics; its fields are those of its Avro schema. */
export type Fields = Readonly<Record<string, unknown>>;

type Value = (record: Fields, position: Position) => unknown;

export interface Table {
  /** its name in ClickHouse */
  name: string;
  /** the Avro schema of its topic's records: schemas/<record>.avsc */
  record: 'risk' | 'incident' | 'delivery' | 'dead-letter' | 'score-block' | 'feedback';
  topic: (names: TopicNames) => string;
  columns: readonly string[];
  /** a record's rows, each with its values in the order of `columns` */
  rows(record: Fields, position: Position): unknown[][];
  /** how long rows may wait for company, in ms */
  maxAgeMs: number;
}

const field =
  (name: string): Value =>
  (record) =>
    record[name];

/** One field of every element of a list of records: a column of a Nested table */
const each =
  (list: string, name: string): Value =>
  (record) =>
    (record[list] as Fields[]).map((element) => element[name]);

const PLACE: Record<string, Value> = {
  kafka_partition: (_record, { partition }) => partition,
  kafka_offset: (_record, { offset }) => Number(offset),
};

const REASONS = Object.fromEntries(
  ['feature', 'field', 'detector', 'observed', 'expected', 'unit', 'direction', 'share'].map((name) => [
    `reasons.${name}`,
    each('reasons', name),
  ]),
);

function oneRow(columns: Record<string, Value>): Pick<Table, 'columns' | 'rows'> {
  const values = Object.values(columns);
  return {
    columns: Object.keys(columns),
    rows: (record, position) => [values.map((value) => value(record, position))],
  };
}

const RISK = oneRow({
  id: field('id'),
  pipeline: field('pipeline'),
  domain: field('domain'),
  entity: field('entity'),
  event_id: field('eventId'),
  event_time: field('eventTime'),
  time_zone: field('timeZone'),
  scored_at: field('scoredAt'),
  score: field('score'),
  p_value: field('pValue'),
  threshold: field('threshold'),
  severity: field('severity'),
  detectors: field('detectors'),
  ...REASONS,
  sentences: field('sentences'),
  context: field('context'),
  model: field('model'),
  degraded: field('degraded'),
  // where the event came from, which says more than where its risk stands
  kafka_topic: field('topic'),
  kafka_partition: field('partition'),
  // a replayed event is known by where it stood first, as its id and its score are
  kafka_offset: (record) => firstOffset(record as unknown as RiskInput),
});

const risks: Table = {
  name: 'risks',
  record: 'risk',
  topic: (names) => names.risks,
  maxAgeMs: 500,
  columns: RISK.columns,
  // What is wrong with a stream is no risk of an event: it is told of as an incident, and kept as one.
  rows: (record, position) => (record['kind'] === 'stream' ? [] : RISK.rows(record, position)),
};

const incidents: Table = {
  name: 'incidents',
  record: 'incident',
  topic: (names) => names.incidents,
  maxAgeMs: 500,
  ...oneRow({
    id: field('id'),
    pipeline: field('pipeline'),
    domain: field('domain'),
    entity: field('entity'),
    kind: field('kind'),
    reason: field('reason'),
    parent: field('parent'),
    members: field('members'),
    labels: field('labels'),
    verdict: field('verdict'),
    escalations: field('escalations'),
    state: field('state'),
    severity: field('severity'),
    change: field('change'),
    taken_in: (record) => takenIn(record as unknown as Incident),
    change_kind: field('changeKind'),
    changed_at: field('changedAt'),
    changed_by: field('changedBy'),
    note: field('note'),
    opened_at: field('openedAt'),
    last_risk_at: field('lastRiskAt'),
    time_zone: field('timeZone'),
    risks: field('risks'),
    max_score: field('maxScore'),
    first_risk_id: field('firstRiskId'),
    last_risk_id: field('lastRiskId'),
    ...REASONS,
    sentences: field('sentences'),
    context: field('context'),
    model: field('model'),
    ...PLACE,
  }),
};

const deliveries: Table = {
  name: 'deliveries',
  record: 'delivery',
  topic: (names) => names.deliveries,
  maxAgeMs: 1_000,
  ...oneRow({
    id: field('id'),
    incident: field('incident'),
    change: field('change'),
    event: field('event'),
    severity: field('severity'),
    expires_at: (record) => record['expiresAt'] || null,
    endpoint: field('endpoint'),
    pipeline: field('pipeline'),
    domain: field('domain'),
    state: field('state'),
    attempts: field('attempts'),
    created_at: field('createdAt'),
    updated_at: field('updatedAt'),
    next_attempt_at: field('nextAttemptAt'),
    last_status: field('lastStatus'),
    last_error: field('lastError'),
    duration_ms: field('durationMs'),
    body_bytes: (record) => (record['body'] as Uint8Array).length,
    ...PLACE,
  }),
};

const deadLetters: Table = {
  name: 'dead_letters',
  record: 'dead-letter',
  topic: (names) => names.deadLetters,
  maxAgeMs: 1_000,
  ...oneRow({
    id: field('id'),
    pipeline: field('pipeline'),
    kafka_topic: field('topic'),
    kafka_partition: field('partition'),
    kafka_offset: field('offset'),
    message_time: field('messageTime'),
    dead_at: field('deadAt'),
    reason: field('reason'),
    field: field('field'),
    detail: field('detail'),
    key_base64: field('key'),
    value_base64: field('value'),
    truncated: field('truncated'),
    header_names: each('headers', 'name'),
    header_values_base64: each('headers', 'value'),
  }),
};

const feedback: Table = {
  name: 'feedback',
  record: 'feedback',
  topic: (names) => names.feedback,
  maxAgeMs: 1_000,
  ...oneRow({
    id: field('id'),
    pipeline: field('pipeline'),
    domain: field('domain'),
    entity: field('entity'),
    incident: field('incident'),
    event_id: field('eventId'),
    secondary: field('secondary'),
    surprise: field('surprise'),
    event_time: field('eventTime'),
    label: field('label'),
    given_at: field('givenAt'),
    given_by: field('givenBy'),
    note: field('note'),
    ...PLACE,
  }),
};

const scores: Table = {
  name: 'scores',
  record: 'score-block',
  topic: (names) => names.scores,
  maxAgeMs: 5_000,
  columns: [
    'pipeline',
    'domain',
    'entity',
    'event_time',
    'kafka_topic',
    'kafka_partition',
    'kafka_offset',
    'score',
    'sampling',
    'model',
  ],
  rows(record) {
    const block = record as unknown as ScoreBlock;
    const {
      pipeline,
      topic,
      partition,
      sampling,
      model,
      offsets,
      domains,
      entities,
      eventTimes,
      scores: values,
    } = block;
    for (const column of [domains, entities, eventTimes, values]) {
      if (column.length !== offsets.length)
        throw new RangeError(`a score block has columns of ${offsets.length} and ${column.length} rows`);
    }
    return offsets.map((offset, row) => [
      pipeline,
      domains[row],
      entities[row],
      eventTimes[row],
      topic,
      partition,
      offset,
      values[row],
      sampling,
      model,
    ]);
  },
};

interface ScoreBlock {
  pipeline: string;
  topic: string;
  partition: number;
  sampling: number;
  model: string;
  offsets: number[];
  domains: string[];
  entities: string[];
  eventTimes: number[];
  scores: number[];
}

/** What the sink writes, a table a topic. */
export const TABLES: readonly Table[] = [risks, incidents, deliveries, deadLetters, feedback, scores];
