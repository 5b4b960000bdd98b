import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KafkaMessage } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { packageRoot } from '../../lib/paths.js';
import { createReader } from './reader.js';
import { type Fields, TABLES } from './tables.js';

const tableOf = (name: string) => {
  const table = TABLES.find((one) => one.name === name);
  if (!table) throw new Error(`no table ${name}`);
  return table;
};
const originOf = (value: Buffer | null) => ({
  topic: 't',
  partition: 2,
  message: { offset: '41', value } as KafkaMessage,
});

/** Fields that have no column, each for a reason. */
const LEFT_OUT: Record<string, string[]> = {
  // bookkeeping of the alert API
  incident: [
    'eventPartition',
    'lastEventOffset',
    'firstOffsets',
    'partition',
    'seen',
    'peak',
    'peakAt',
    'waitingSince',
    // for the labels that people give its events
    'events',
    'judged',
  ],
  risk: ['secondary', 'firstScore'],
  delivery: ['round'],
};

test.each(TABLES.map((table) => [table.name, table]))(
  '%s takes in every field of its record',
  (_name, table) => {
    const { fields } = JSON.parse(
      readFileSync(join(packageRoot(), 'schemas', `${table.record}.avsc`), 'utf8'),
    ) as { fields: { name: string }[] };
    const read = new Set<string>();
    const listed = new Proxy(
      {},
      {
        get: (_target, field: string) => {
          read.add(field);
          return [
            'reasons',
            'headers',
            'offsets',
            'domains',
            'entities',
            'eventTimes',
            'scores',
            'body',
          ].includes(field)
            ? []
            : 'x';
        },
      },
    ) as Fields;
    table.rows(listed, { partition: 0, offset: '0' });
    expect([...read, ...(LEFT_OUT[table.record] ?? [])].sort()).toEqual(
      fields.map(({ name }) => name).sort(),
    );
  },
);

test('a score block becomes a row an event, in the order of the columns', () => {
  const value = ownCodec('score-block').encode({
    pipeline: 'p',
    topic: 'events',
    partition: 7,
    model: 'm1',
    sampling: 0.5,
    offsets: [10, 20],
    entities: ['a', 'b'],
    domains: ['DE', 'CN'],
    eventTimes: [1_000, 2_000],
    scores: [0.25, 4],
  });
  expect(createReader(tableOf('scores')).read(originOf(value))).toEqual({
    kind: 'rows',
    rows: ['["p","DE","a",1000,"events",7,10,0.25,0.5,"m1"]', '["p","CN","b",2000,"events",7,20,4,0.5,"m1"]'],
  });
});

test('a score block with columns of unequal length is unread', () => {
  const value = ownCodec('score-block').encode({
    pipeline: 'p',
    topic: 'events',
    partition: 7,
    model: 'm1',
    sampling: 1,
    offsets: [10, 20],
    entities: ['a'],
    domains: ['DE', 'CN'],
    eventTimes: [1_000, 2_000],
    scores: [0.25, 4],
  });
  expect(createReader(tableOf('scores')).read(originOf(value))).toMatchObject({
    kind: 'unread',
    error: expect.any(RangeError),
  });
});

test('a tombstone is no row, and bytes that are no record are a value, not an exception', () => {
  const reader = createReader(tableOf('incidents'));
  expect(reader.read(originOf(null))).toEqual({ kind: 'tombstone' });
  for (const bytes of ['', '00', 'c301', 'ffffffffffffffffffffff']) {
    expect(reader.read(originOf(Buffer.from(bytes, 'hex')))).toMatchObject({
      kind: 'unread',
      error: expect.any(Error),
    });
  }
});
