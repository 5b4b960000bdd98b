import { join } from 'node:path';
import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { planFeatures } from '../../detection/features/plan.js';
import { PartitionScorer, type ScoringModel } from '../../detection/scoring.js';
import { readSchema, singleObjectEncoder } from '../../lib/avro.js';
import { EventDecoder } from '../../lib/event-decoder.js';
import { silentLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { RecordColumns } from '../../lib/record-columns.js';
import { SchemaSource } from '../../lib/schema-source.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { take } from '../../pipelines/source.js';
import { type Payment, transactionsSource } from '../../pipelines/transactions/generator.js';
import { BatchIntake } from './batch-intake.js';
import { usedFields } from './field-intake.js';
import { loadModels } from './models.js';

const schemas = join(packageRoot(), 'schemas');
const encode = singleObjectEncoder<Payment>(readSchema(join(schemas, 'payment.avsc')));
const CAPACITY = 256;
let pipeline: Pipeline;
let model: ScoringModel;
const payments: Payment[] = [];

beforeAll(async () => {
  const root = packageRoot();
  [pipeline] = (await loadPipelines(join(root, 'pipelines'), schemas, ['transactions'])) as [Pipeline];
  const options = {
    folder: join(root, 'models'),
    backend: 'cpu' as const,
    batchEvents: CAPACITY,
    log: silentLog(),
  };
  model = (await loadModels([pipeline], options)).models[0]!.model;
  for await (const batch of take(
    transactionsSource({ seed: 3, customers: 40, terminals: 80 }),
    400,
  ).batches())
    payments.push(...(batch.events as Payment[]));
}, 60_000);

/** By way of the bytes, or of avsc's objects. */
function intake(fields: readonly string[]): BatchIntake {
  const scorer = new PartitionScorer(model, {
    budget: 20,
    quietSeconds: 3600,
    partitions: 1,
    maxEntities: 10_000,
    capacity: CAPACITY,
    remembersIds: true,
  });
  const source = new SchemaSource({ folder: schemas });
  const decoder = new EventDecoder({ reader: pipeline.schema, source, fields });
  return new BatchIntake(pipeline, planFeatures(pipeline.features), decoder, scorer, CAPACITY);
}

async function rowsOf(one: BatchIntake, messages: readonly KafkaMessage[]): Promise<unknown> {
  const records = RecordColumns.of(messages);
  const now = await one.prepare(records, 0, records.length);
  const { rejected, ...counts } = one.take(records, 0, records.length, 0, now);
  const { columns } = one;
  const to = columns.size;
  return {
    counts,
    watermark: one.watermark,
    rejected: rejected.map(({ message, rejection }) => [message.offset, rejection]),
    rows: [columns.entities, columns.domains, columns.zones].map((texts) => texts.slice(0, to)),
    numbers: [
      columns.times,
      columns.offsets,
      columns.slots,
      ...columns.numbers,
      ...columns.hashes,
      columns.checks[0]!,
    ].map((values) => [...values.subarray(0, to)]),
    terminals: Array.from({ length: to }, (_, row) => columns.text(0, row)),
    events: Array.from({ length: to }, (_, row) => one.event(row)),
  };
}

const change = fc.record({
  event: fc.nat(),
  kind: fc.constantFrom(
    'as it is',
    'twice',
    'byte',
    'cut',
    'longer',
    'no key',
    'no value',
    'text',
    'number',
    'id',
    'time',
    'zone',
  ),
  at: fc.nat(),
  byte: fc.nat(255),
});

test('an event comes to the same row, and a bad one to the same dead letter, by way of its bytes as of its object', async () => {
  let fromBytes = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { minLength: 20, maxLength: 60 }), { minLength: 1, maxLength: 3 }),
      async (batches) => {
        const fast = intake(usedFields(pipeline, model.plan));
        const slow = intake([]);
        let offset = 0;
        for (const changes of batches) {
          const messages = changes.flatMap(({ event, kind, at, byte }) => {
            const payment = { ...payments[event % payments.length]! };
            // Within hours of each other, so that they are not late.
            payment.time = payments[0]!.time + (event % 300) * 60_000;
            if (kind === 'text') payment.merchant = `商户 ${at % 9}`;
            if (kind === 'number')
              payment.amount = [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e300][at % 4]!;
            if (kind === 'id') payment.id = ['', 'p', 'é', 'p0'][at % 4]!;
            if (kind === 'time') payment.time += at % 2 === 0 ? -(at % 10) * 3_600_000 : 3 * 86_400_000;
            if (kind === 'zone') payment.timeZone = ['Mars/Olympus', '', 'UTC'][at % 3]!;
            let value: Buffer | null = encode(payment);
            if (kind === 'byte') value[at % value.length] = byte;
            if (kind === 'cut') value = value.subarray(0, at % value.length);
            if (kind === 'longer') value = Buffer.concat([value, Buffer.alloc(1 + (at % 3), byte)]);
            if (kind === 'no value') value = null;
            const key =
              kind === 'no key'
                ? [null, Buffer.alloc(0)][at % 2]!
                : Buffer.from(at % 7 === 0 ? `${payment.card}é` : payment.card);
            return Array.from({ length: kind === 'twice' ? 2 : 1 }, () => ({
              key,
              value,
              offset: String(offset++),
              timestamp: String(payments[0]!.time + 86_400_000),
              attributes: 0,
              headers: {},
            }));
          });
          const expected = await rowsOf(slow, messages);
          expect(await rowsOf(fast, messages)).toEqual(expected);
          fromBytes += fast.readFromBytes;
        }
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
  // Otherwise both ways would be the same one.
  expect(fromBytes).toBeGreaterThan(500);
}, 60_000);

test.each([
  ['key', Buffer.alloc(30_000, 0xff), 'DE'],
  ['key', Buffer.alloc(70_000, 'k'), 'DE'],
  ['country', Buffer.from('card'), 'é'.repeat(40_000)],
])('a name that no page of state has room for is a dead letter: %s', async (field, key, country) => {
  for (const fields of [usedFields(pipeline, model.plan), []]) {
    const one = intake(fields);
    const value = encode({ ...payments[0]!, country });
    const timestamp = String(payments[0]!.time);
    const records = RecordColumns.of([{ key, value, offset: '0', timestamp, attributes: 0, headers: {} }]);
    const now = await one.prepare(records, 0, 1);
    const { rejected } = one.take(records, 0, 1, 0, now);
    expect(rejected).toMatchObject([{ rejection: { reason: 'tooLarge', field } }]);
  }
});
