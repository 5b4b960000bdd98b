import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { type ClickHouseConfig, createServerClient, identifier } from '../../lib/clickhouse.js';
import { packageRoot } from '../../lib/paths.js';
import { migrate } from '../../services/sink/migrate.js';
import { openLine, riskOf, SinkBench, scoreBlockOf, until } from './sink-harness.js';
import { startTestStack, type TestStack } from './sink-stack.js';

let stack: TestStack;
let kafka: Kafka;
let config: ClickHouseConfig;
let bench: SinkBench;

beforeAll(async () => {
  stack = await startTestStack();
  kafka = stack.kafka;
}, 120_000);
afterAll(() => stack?.stop());

beforeEach(async () => {
  config = {
    url: stack.clickhouseUrl,
    database: `t_${randomUUID().replaceAll('-', '')}`,
    user: 'default',
    password: '',
  };
  await migrate(config, { dir: join(packageRoot(), 'migrations') });
  bench = await SinkBench.open(kafka, config);
});
afterEach(async () => {
  await bench.close();
  const server = createServerClient(config);
  await server.command({ query: `DROP DATABASE ${identifier(config.database)}` });
  await server.close();
});

const riskCount = () => bench.count('SELECT count() FROM risks FINAL');

test('every field of a risk arrives as it was sent', async () => {
  await bench.startSink();
  await bench.send(bench.names.risks, 'risk', [
    riskOf(3),
    riskOf(4, { score: Number.POSITIVE_INFINITY, pValue: 0, entity: 'Ω "quoted"\n' }),
  ]);
  await until(riskCount, (count) => count === 2);
  const [row] = await bench.rows(
    `SELECT * EXCEPT inserted_at, toUnixTimestamp64Milli(event_time) AS at FROM risks FINAL WHERE id = 'rsk_3'`,
  );
  const sent = riskOf(3);
  expect(row).toEqual({
    id: 'rsk_3',
    pipeline: 'transactions',
    domain: 'CN',
    entity: 'card-3',
    event_id: 'e3',
    at: sent.eventTime,
    event_time: '2026-06-01 00:03:00.000',
    time_zone: 'Europe/Berlin',
    scored_at: '2026-06-01 00:03:00.040',
    score: 3.3,
    p_value: 0.001,
    threshold: 3,
    severity: 'critical',
    detectors: { autoencoder: 3.5, memory: 2 },
    'reasons.feature': ['amount', 'terminal'],
    'reasons.field': ['amount', 'terminal'],
    'reasons.detector': ['autoencoder', 'memory'],
    'reasons.observed': [910.5, null],
    'reasons.expected': [40, null],
    'reasons.unit': ['EUR', ''],
    'reasons.direction': ['high', 'unusual'],
    'reasons.share': [0.7, 0.2],
    sentences: sent.sentences,
    context: { terminal: 't1' },
    model: 'transactions-1',
    degraded: false,
    kafka_topic: 'transactions',
    kafka_partition: 3,
    kafka_offset: 3,
  });
  expect(
    await bench.rows(`SELECT isInfinite(score) AS infinite, entity FROM risks FINAL WHERE id = 'rsk_4'`),
  ).toEqual([{ infinite: 1, entity: 'Ω "quoted"\n' }]);
});

test('incidents keep every change, their view the newest; a tombstone deletes nothing and holds nothing up', async () => {
  await bench.startSink();
  const incident = (change: number, state: string, changeKind: string) => ({
    ...riskOf(1),
    id: 'inc_1',
    state,
    change,
    changeKind,
    changedAt: 1_000 * change,
    changedBy: 'riskwire',
    note: '',
    openedAt: riskOf(1).eventTime,
    lastRiskAt: riskOf(1).eventTime,
    risks: change,
    maxScore: 4,
    firstRiskId: 'rsk_1',
    lastRiskId: 'rsk_1',
    lastRiskOffset: change,
    lastCommandOffset: -1,
  });
  await bench.send(bench.names.incidents, 'incident', [
    incident(1, 'open', 'opened'),
    incident(3, 'closed', 'closed'),
    incident(2, 'acknowledged', 'acknowledged'),
    // written late by a replica that had lost the partition: no fewer changes, but fewer risks taken in
    { ...incident(3, 'open', 'reopened'), lastRiskOffset: 2, risks: 2 },
  ]);
  await bench.producer.send({ topic: bench.names.incidents, messages: [{ key: 'inc_1', value: null }] });
  await bench.send(bench.names.incidents, 'incident', [{ ...incident(1, 'open', 'opened'), id: 'inc_2' }]);
  await until(
    () => bench.count('SELECT count() FROM incidents FINAL'),
    (count) => count === 5,
  );
  expect(
    await bench.rows(
      `SELECT id, change, state, risks FROM incidents_current WHERE pipeline = 'transactions' ORDER BY id`,
    ),
  ).toEqual([
    { id: 'inc_1', change: 3, state: 'closed', risks: 3 },
    { id: 'inc_2', change: 1, state: 'open', risks: 1 },
  ]);
});

test('deliveries, dead letters and feedback arrive, bytes and all', async () => {
  await bench.startSink();
  const at = Date.UTC(2026, 5, 2);
  const delivery = (state: string, attempts: number) => ({
    id: 'dlv_1',
    incident: 'inc_1',
    change: 1,
    endpoint: 'ops',
    pipeline: 'p',
    domain: 'DE',
    state,
    attempts,
    createdAt: at,
    updatedAt: at + attempts * 1_000,
    nextAttemptAt: at,
    lastStatus: 200,
    lastError: '',
    durationMs: 12.5,
    body: Buffer.from('{}'),
  });
  await bench.send(bench.names.deliveries, 'delivery', [delivery('pending', 0), delivery('succeeded', 1)]);
  await bench.send(bench.names.deadLetters, 'dead-letter', [
    {
      id: 'dlt_1',
      pipeline: 'p',
      topic: 'events',
      partition: 1,
      offset: 9,
      messageTime: -1,
      deadAt: at,
      reason: 'notAvro',
      field: '',
      detail: 'd',
      key: null,
      value: Buffer.from([0, 255, 10]),
      truncated: false,
      headers: [
        { name: 'h', value: Buffer.from([1]) },
        { name: 'n', value: null },
      ],
    },
  ]);
  await bench.send(bench.names.feedback, 'feedback', [
    {
      id: 'f1',
      pipeline: 'p',
      domain: 'DE',
      entity: 'c',
      incident: 'inc_1',
      eventId: '',
      eventTime: at,
      label: 'falseAlarm',
      givenAt: at,
      givenBy: 'ana',
      note: '…',
    },
  ]);
  await until(
    () =>
      bench.count(
        'SELECT (SELECT count() FROM deliveries) + (SELECT count() FROM dead_letters) + (SELECT count() FROM feedback)',
      ),
    (count) => count === 4,
  );
  expect(await bench.rows('SELECT id, state, attempts, last_status FROM deliveries_current')).toEqual([
    { id: 'dlv_1', state: 'succeeded', attempts: 1, last_status: 200 },
  ]);
  expect(
    await bench.rows(
      'SELECT id, key, hex(value) AS value, header_names, arrayMap(x -> hex(x), header_values) AS headers FROM dead_letters',
    ),
  ).toEqual([{ id: 'dlt_1', key: null, value: '00FF0A', header_names: ['h', 'n'], headers: ['01', null] }]);
  expect(await bench.rows('SELECT label, given_by FROM feedback FINAL')).toEqual([
    { label: 'falseAlarm', given_by: 'ana' },
  ]);
});

test('a redelivery makes no second row, and the rollups stay right', async () => {
  const sink = await bench.startSink();
  const risks = Array.from({ length: 500 }, (_, i) => riskOf(i));
  await bench.send(bench.names.risks, 'risk', risks);
  await bench.send(bench.names.scores, 'score-block', [scoreBlockOf(0, 0, 1_000), scoreBlockOf(1, 0, 1_000)]);
  const rollups = () =>
    bench.rows(`SELECT
      (SELECT count() FROM risks FINAL) AS risks,
      (SELECT sum(risks) FROM risks_by_hour) AS rolled,
      (SELECT sum(severe_risks) FROM risks_by_hour) AS severe,
      (SELECT max(max_score) FROM risks_by_hour) AS top,
      (SELECT count() FROM scores FINAL) AS scores,
      (SELECT sum(sampled) FROM scores_by_hour) AS sampled,
      (SELECT sum(sampled) FROM score_distribution_by_hour) AS distributed`);
  const right = {
    risks: 500,
    rolled: 500,
    severe: 250,
    top: 3.9,
    scores: 2_000,
    sampled: 2_000,
    distributed: 2_000,
  };
  await until(rollups, ([row]) => row?.['risks'] === 500 && row['distributed'] === 2_000);
  expect(await rollups()).toEqual([right]);
  await sink.stop();

  // another group reads everything again, in batches of other sizes: other blocks, other tokens, the same rows
  await bench.startSink({ group: `${bench.prefix}again`, batchRows: 37 });
  await until(
    async () => [await bench.insertedRows('risks'), await bench.insertedRows('scores')],
    ([risksInserted, scoresInserted]) => risksInserted === 1_000 && scoresInserted === 4_000,
  );
  expect(await rollups()).toEqual([right]);
});

test('offsets are committed after the rows are in, up to the end', async () => {
  const sink = await bench.startSink();
  await bench.send(
    bench.names.risks,
    'risk',
    Array.from({ length: 100 }, (_, i) => riskOf(i)),
  );
  await until(riskCount, (count) => count === 100);
  await sink.stop();
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(bench.names.risks);
  await admin.disconnect();
  expect(await bench.committed(bench.names.risks)).toEqual(
    new Map(
      ends
        .map(({ partition, offset }) => [partition, Number(offset)])
        .filter(([, offset]) => offset !== 0) as [number, number][],
    ),
  );
});

test('with ClickHouse away nothing is committed or lost; when it is back everything gets in', async () => {
  const line = await openLine(config.url);
  const sink = await bench.startSink(
    { bufferBytes: 300_000, batchBytes: 100_000 },
    { ...config, url: line.url, requestTimeoutMs: 2_000 },
  );
  await bench.send(bench.names.risks, 'risk', [riskOf(0)]);
  await until(riskCount, (count) => count === 1);
  const committed = await until(
    () => bench.committed(bench.names.risks),
    ({ size }) => size === 1,
  );

  line.cut();
  await bench.send(
    bench.names.risks,
    'risk',
    Array.from({ length: 3_000 }, (_, i) => riskOf(i)),
  );
  const [fault] = await until(
    async () => sink.faults(),
    (faults) => faults.length > 0,
  );
  expect(fault).toMatch(/^ClickHouse takes no rows into risks since .* \(E/);
  expect(await riskCount()).toBe(1);
  expect(await bench.committed(bench.names.risks)).toEqual(committed);

  line.mend();
  expect(await until(riskCount, (count) => count === 3_000)).toBe(3_000);
  expect(sink.faults()).toEqual([]);
  await sink.stop();
  await line.close();
}, 90_000);

test('a missing table holds up that table alone', async () => {
  await bench.clickhouse.command({ query: 'RENAME TABLE scores TO scores_away' });
  const sink = await bench.startSink();
  await bench.send(bench.names.scores, 'score-block', [scoreBlockOf(0, 0, 10)]);
  await until(
    async () => sink.faults(),
    (faults) => faults.some((fault) => fault.includes('60 UNKNOWN_TABLE')),
  );
  await bench.send(bench.names.risks, 'risk', [riskOf(1)]);
  await until(riskCount, (count) => count === 1);
  await bench.clickhouse.command({ query: 'RENAME TABLE scores_away TO scores' });
  await until(
    () => bench.count('SELECT count() FROM scores'),
    (count) => count === 10,
  );
});

test('records that cannot become rows become dead letters with their bytes, and the rest goes on', async () => {
  // a rule that one of the rows breaks, as a value out of a column's range would
  await bench.clickhouse.command({
    query: `ALTER TABLE risks ADD CONSTRAINT known CHECK entity != 'refused'`,
  });
  await bench.startSink();
  const refused = riskOf(50, { entity: 'refused' });
  await bench.send(bench.names.risks, 'risk', [...Array.from({ length: 20 }, (_, i) => riskOf(i)), refused]);
  await bench.producer.send({
    topic: bench.names.risks,
    messages: [{ key: 'k', value: Buffer.from('no avro'), headers: { from: 'test' } }],
  });
  await bench.send(bench.names.risks, 'risk', [riskOf(21)]);
  await until(riskCount, (count) => count === 21);
  await until(
    () => bench.count('SELECT uniqExact(reason) FROM dead_letters'),
    (count) => count === 2,
  );
  const letters = await bench.rows<{ reason: string; value: string }>(
    'SELECT DISTINCT reason, pipeline, kafka_topic, hex(value) AS value, header_names FROM dead_letters ORDER BY reason',
  );
  expect(letters).toEqual([
    {
      reason: 'malformed',
      pipeline: '',
      kafka_topic: bench.names.risks,
      value: Buffer.from('no avro').toString('hex').toUpperCase(),
      header_names: ['from'],
    },
    {
      reason: 'refused',
      pipeline: 'transactions',
      kafka_topic: bench.names.risks,
      value: ownCodec('risk').encode(refused).toString('hex').toUpperCase(),
      header_names: [],
    },
  ]);
});
