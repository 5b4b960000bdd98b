import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import { silentLog } from '../../lib/log.js';
import { createRegistry, sinkMetrics } from '../../lib/metrics.js';
import type { Row } from './batch.js';
import { TABLES, type Table } from './tables.js';
import { createWriter, tokenOf } from './writer.js';

const table = TABLES[0] as Table;
const rowsOf = (...names: string[]): Row[] =>
  names.map((name) => ({ json: `["${name}"]`, origin: {} as Row['origin'] }));
const rowFault = () =>
  new ClickHouseError({ code: '27', type: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', message: 'bad row' });

interface Sent {
  body: string;
  token: unknown;
}

/** A ClickHouse that takes what `judge` doesn't throw at. */
function fakeServer(judge: (body: string, attempt: number) => void) {
  const sent: Sent[] = [];
  const clickhouse = {
    async exec({
      values,
      clickhouse_settings,
    }: {
      values: AsyncIterable<Buffer>;
      clickhouse_settings: Record<string, unknown>;
    }) {
      let body = '';
      for await (const part of values) body += part.toString();
      sent.push({ body, token: clickhouse_settings['insert_deduplication_token'] });
      judge(body, sent.length);
      return { stream: [] };
    },
  } as unknown as ClickHouseClient;
  return { clickhouse, sent };
}

function writerTo(clickhouse: ClickHouseClient, signal = new AbortController().signal) {
  const registry = createRegistry('sink', { processFigures: false });
  const writer = createWriter({
    clickhouse,
    metrics: sinkMetrics(registry),
    log: silentLog(),
    signal,
    maxDelayMs: 1,
  });
  return { writer, registry };
}

test('a batch that a server fault holds up is sent again, the same bytes under the same token', async () => {
  const { clickhouse, sent } = fakeServer((_body, attempt) => {
    if (attempt === 1) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    if (attempt === 2) throw new ClickHouseError({ code: '60', type: 'UNKNOWN_TABLE', message: 'no table' });
    if (attempt === 3)
      throw new ClickHouseError({ code: '243', type: 'NOT_ENOUGH_SPACE', message: 'disk full' });
  });
  const { writer, registry } = writerTo(clickhouse);
  expect(await writer.write(table, rowsOf('a', 'b'))).toEqual([]);
  expect(sent).toHaveLength(4);
  expect(new Set(sent.map(({ body }) => body)).size).toBe(1);
  expect(new Set(sent.map(({ token }) => token)).size).toBe(1);
  expect(await registry.metrics()).toContain('riskwire_sink_rows_total{table="risks",service="sink"} 2');
});

test('bad rows are found by halving; all others get in, once', async () => {
  const { clickhouse, sent } = fakeServer((body) => {
    if (body.includes('bad')) throw rowFault();
  });
  const { writer } = writerTo(clickhouse);
  const rows = rowsOf('a', 'b', 'bad1', 'c', 'd', 'e', 'bad2');
  const refused = await writer.write(table, rows);
  expect(refused.map(({ row }) => row.json)).toEqual(['["bad1"]', '["bad2"]']);
  const taken = sent.filter(({ body }) => !body.includes('bad')).flatMap(({ body }) => body.split('\n'));
  expect(taken.sort()).toEqual(['["a"]', '["b"]', '["c"]', '["d"]', '["e"]']);
});

test('what is wrong now is told, and no more when it is mended', async () => {
  let seen: string[] = [];
  const { clickhouse } = fakeServer((_body, attempt) => {
    if (attempt === 2) seen = writer.faults();
    if (attempt < 3)
      throw new ClickHouseError({ code: '242', type: 'TABLE_IS_READ_ONLY', message: 'read-only' });
  });
  const { writer } = writerTo(clickhouse);
  await writer.write(table, rowsOf('a'));
  expect(seen).toEqual([
    expect.stringMatching(/^ClickHouse takes no rows into risks since .* \(242 TABLE_IS_READ_ONLY\)$/),
  ]);
  expect(writer.faults()).toEqual([]);
});

test('an abort ends the trying', async () => {
  const giveUp = new AbortController();
  const { clickhouse } = fakeServer((_body, attempt) => {
    if (attempt === 3) giveUp.abort(new Error('stopping'));
    throw new Error('away');
  });
  const { writer } = writerTo(clickhouse, giveUp.signal);
  await expect(writer.write(table, rowsOf('a'))).rejects.toThrow('stopping');
});

test('a token says what is inserted: same rows, same token; others, other', () => {
  expect(tokenOf(table, ['[1]', '[2]'])).toBe(tokenOf(table, ['[1]', '[2]']));
  expect(tokenOf(table, ['[1]', '[2]'])).not.toBe(tokenOf(table, ['[2]', '[1]']));
  expect(tokenOf(table, ['[1]', '[2]'])).not.toBe(tokenOf(table, ['[1]\n[2]'.replace('\n', '')]));
});
