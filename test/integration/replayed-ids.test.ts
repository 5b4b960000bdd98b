import { join } from 'node:path';
import { readSchema, registryEncoder, singleObjectEncoder } from '../../lib/avro.js';
import { createClickHouse } from '../../lib/clickhouse.js';
import { deadLetterId, riskId } from '../../lib/ids.js';
import { createKafka, createProducer, sendBatches } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { createRegistry, scorerMetrics, sinkMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';
import { RegistryClient } from '../../lib/registry.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { topicNames } from '../../lib/topics.js';
import { readLetters } from '../../services/cli/dead-letters/read.js';
import { replayLetters } from '../../services/cli/dead-letters/replay.js';
import { startLocalStack } from '../../services/local/local.js';
import { migrate } from '../../services/sink/migrate.js';
import { startSink } from '../../services/sink/sink.js';
import { countOutside, explainOutside, findOutside } from '../faults/risks-outside.js';
import { startTestApi, until } from '../support/alert-api.js';
import { readRisks, shippedPayments, startTestScorer, sumOf } from '../support/test-scorer.js';

const root = packageRoot();
const CARD = 'card-5';
/** an amount that nobody pays */
const STRANGE = 5e6;
/** more than an entity remembers the ids of */
const PAST_THE_WINDOW = 12;

test('a dead letter that is replayed again and again is one letter, then one risk, one score and one in its incident', async () => {
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const stack = await startLocalStack({ log: silentLog() });
    closers.push(() => stack.stop());
    const kafka = createKafka({ brokers: [stack.brokers], clientId: 'test', log: silentLog() });
    const names = topicNames('riskwire.');
    const loaded = await shippedPayments();
    const { pipeline } = loaded;
    const producer = await createProducer(kafka);
    closers.push(() => producer.disconnect());

    const server = { url: stack.clickhouseUrl, database: 'riskwire', user: 'default', password: '' };
    await migrate(server, { dir: join(root, 'migrations'), log: silentLog() });
    const clickhouse = createClickHouse(server);
    closers.push(() => clickhouse.close());
    const env = { RISKWIRE_RELATED_MEMBERS: '0', RISKWIRE_CLICKHOUSE_URL: stack.clickhouseUrl };
    const alerts = await startTestApi(kafka, [stack.brokers], env);
    closers.push(() => alerts.stop());

    const start = async (registry?: RegistryClient) => {
      const metrics = scorerMetrics(createRegistry('scorer', { processFigures: false }));
      const source = new SchemaSource({ folder: join(root, 'schemas'), registry });
      const scorer = await startTestScorer({ kafka, names, source, pipelines: [loaded], metrics });
      closers.push(() => scorer.stop());
      let sent = 0;
      return {
        stop: () => scorer.stop(),
        /** until so many events more are read */
        reads: async (events: number) => {
          sent += events;
          await until(`${sent} events are read`, async () => {
            return (await sumOf(metrics.events)) === sent;
          });
        },
      };
    };
    const schema = readSchema(join(root, 'schemas/payment.avsc'));
    const plain = singleObjectEncoder(schema);
    const registry = new RegistryClient({ url: stack.registryUrl });
    const registered = registryEncoder(await registry.register('payments-value', schema), schema);
    const began = Date.now() - 3_600_000;
    let made = 0;
    const payment = (card: string, amount: number) => ({
      ...{
        id: `p-${made}`,
        time: began + made++ * 100,
        card,
        terminal: `t-${made % 11}`,
        merchant: 'grocery',
      },
      ...{
        amount,
        currency: 'EUR',
        channel: 'chip',
        country: 'DE',
        timeZone: 'Europe/Berlin',
        issuer: 'bank-1',
      },
    });
    const send = (events: number, card = (n: number) => `card-${n % 37}`) =>
      sendBatches(
        producer,
        pipeline.topic,
        Array.from({ length: events }, (_, n) => {
          const key = card(n);
          return { key, value: plain(payment(key, made % 40 === 39 ? STRANGE + made : 10 + (made % 25))) };
        }),
      );
    const risks = () => readRisks(kafka, names.risks);
    const replay = async () => {
      const { letters } = await readLetters(kafka, names.deadLetters, {});
      expect(letters).toHaveLength(1);
      const { replayed } = await replayLetters(kafka, names.deadLetters, letters, Date.now);
      expect(replayed).toEqual([letters[0]!.id]);
    };

    // A scorer that knows no registry can't read what is framed for one.
    let scorer = await start();
    await send(1_500);
    await scorer.reads(1_500);
    const dead = payment(CARD, STRANGE);
    await sendBatches(producer, pipeline.topic, [{ key: CARD, value: registered(dead) }]);
    await send(PAST_THE_WINDOW, () => CARD);
    await scorer.reads(1 + PAST_THE_WINDOW);
    const [letter] = await until('the letter', async () => {
      const { letters } = await readLetters(kafka, names.deadLetters, {});
      return letters.length > 0 && letters;
    });
    const { partition, offset, messageTime } = letter!;
    expect(letter!.id).toBe(deadLetterId('transactions', pipeline.topic, partition, offset));

    // It dies again: the same letter, open again.
    await replay();
    await scorer.reads(1);
    const again = await until('the letter is open again', async () => {
      const { letters } = await readLetters(kafka, names.deadLetters, { replayed: false });
      return letters[0];
    });
    expect(again).toMatchObject({ id: letter!.id, offset, messageTime, headers: [] });
    expect(again.readAt).toBeGreaterThan(offset);
    await scorer.stop();

    // It can be read now, and is sent twice, with more events of its card in between than their ids are remembered of.
    scorer = await start(registry);
    await replay();
    await send(PAST_THE_WINDOW, () => CARD);
    await replay();
    await send(400);
    await scorer.reads(2 + PAST_THE_WINDOW + 400);
    await scorer.stop();

    const id = riskId('transactions', pipeline.topic, partition, offset);
    const all = await risks();
    const ours = all.filter(({ eventId }) => eventId === dead.id);
    expect(ours.map((one) => [one.id, one.origin])).toEqual([
      [id, offset],
      [id, offset],
    ]);
    expect(ours[1]!.offset).toBeGreaterThan(ours[0]!.offset);
    const ids = new Set(all.map((one) => one.id));
    expect(ids.size).toBe(all.length - 1);

    const held = async () => {
      const { body } = await alerts.call('GET', '/v1/incidents?kind=single&limit=200');
      return (body.items as { risks: number }[]).reduce((sum, one) => sum + one.risks, 0);
    };
    await until('each risk is in an incident', async () => (await held()) >= ids.size);

    const metrics = sinkMetrics(createRegistry('sink', { processFigures: false }));
    const sink = await startSink(
      { prefix: 'riskwire.', group: 'test', batchRows: 50_000, batchBytes: 8 << 20, bufferBytes: 64 << 20 },
      { kafka, producer, clickhouse, metrics, log: silentLog() },
    );
    closers.push(() => sink.stop());
    const count = async (from: string) => {
      const query = `SELECT count() AS rows FROM riskwire.${from}`;
      const [row] = await (await clickhouse.query({ query, format: 'JSONEachRow' })).json<{ rows: string }>();
      return Number(row!.rows);
    };
    await until('all risks and scores are in ClickHouse', async () => {
      expect(await count('risks FINAL')).toBeLessThanOrEqual(ids.size);
      return (
        (await count('risks FINAL')) === ids.size &&
        (await count('scores FINAL')) === made &&
        (await count('dead_letters FINAL')) === 1
      );
    });
    const place = `kafka_partition = ${partition} AND kafka_offset = ${offset}`;
    expect(await count(`risks FINAL WHERE id = '${id}' AND ${place}`)).toBe(1);
    expect(await count(`scores FINAL WHERE entity = '${CARD}' AND ${place}`)).toBe(1);
    // By now whatever came behind it has been taken in too.
    expect(await held()).toBe(ids.size);
    await until('incidents hold the risks of their entities', async () => {
      return (await findOutside(clickhouse)).length === 0;
    });
    // What the fault suite would say of the card, if they didn't.
    await clickhouse.command({ query: `DELETE FROM riskwire.risks WHERE id = '${id}'` });
    const outside = await findOutside(clickhouse);
    expect(outside).toMatchObject([{ pipeline: 'transactions', entity: CARD }]);
    expect(countOutside(outside)).toBe(1);
    const lines = await explainOutside(outside, { kafka, prefix: 'riskwire.', partitions: 4 });
    expect(lines.filter((line) => line.includes(id))).toHaveLength(2);
    expect(lines.some((line) => line.includes('took in risks to'))).toBe(true);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}, 120_000);
