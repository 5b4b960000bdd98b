import { columnsOf } from '../format.js';
import type { Addresses, Snapshot } from './snapshot.js';
import { addressLines, plain, renderLine, renderTable } from './table.js';
import { wordsOf } from './words.js';

const figures = { perSecond: 50_000, lag: 120, p50: 0.0021, p99: 0.0094, incidents: 3, deadLetters: 5 };
const snapshot: Snapshot = {
  phase: 'fast',
  elapsedSeconds: 42,
  remainingSeconds: 18,
  backend: 'wasm',
  pipelines: [
    { name: 'transactions', title: 'Card payments', events: 1_200_345, risks: 61, ...figures },
    {
      name: 'agriculture',
      title: '灌溉水质',
      events: 655,
      risks: 4,
      ...figures,
      p50: Number.NaN,
      p99: Number.NaN,
    },
  ],
  clickhouseRisks: 65,
  sinkLag: 0,
  alertLag: 0,
  deliveries: { succeeded: 6, failed: 1, pending: 0 },
  verified: 6,
  breakers: [{ endpoint: 'receiver', state: 'closed' }],
  incidents: [
    {
      openedAt: Date.parse('2024-01-05T23:30:00Z'),
      timeZone: 'Asia/Shanghai',
      severity: 'high',
      pipeline: 'transactions',
      entity: 'c17',
      risks: 2,
      sentence: `The amount is far above this card's habit${', and more'.repeat(20)}`,
    },
  ],
};
const addresses: Addresses = {
  api: 'http://127.0.0.1:9400',
  apiKey: 'rw_a_b',
  clickhouse: 'http://127.0.0.1:8123',
  database: 'riskwire',
  brokers: '127.0.0.1:9092',
  folder: '/tmp/demo',
};

describe('the table', () => {
  const lines = renderTable(snapshot, addresses, wordsOf('en'), 99, plain);

  test('has the figures of each pipeline and of all', () => {
    expect(lines.find((line) => line.startsWith('Card payments'))).toMatch(
      /1,200,345 +50,000 +120 +2\.1 ms +9\.4 ms +61 +3 +5/,
    );
    expect(lines.find((line) => line.startsWith('all'))).toMatch(/1,201,000 +100,000 +240 +65 +6 +10/);
  });

  test('shows no latency where none was measured', () => {
    expect(lines.find((line) => line.startsWith('灌溉水质'))).toMatch(/ – +– /);
  });

  test('gives incidents the clock of the place where they happened', () => {
    expect(lines.find((line) => line.includes('c17'))).toContain('01-06 07:30');
  });

  test('stays inside the terminal, wide characters counted twice', () => {
    const copied = new Set(addressLines(addresses, wordsOf('en'), plain));
    for (const line of lines) if (!copied.has(line)) expect(columnsOf(line)).toBeLessThanOrEqual(99);
  });

  test('speaks Chinese', () => {
    const chinese = renderTable(snapshot, addresses, wordsOf('zh'), 99, plain).join('\n');
    expect(chinese).toContain('最新事故');
    expect(chinese).not.toContain('Newest incidents');
  });

  test('is one line in a log', () => {
    expect(renderLine(snapshot, wordsOf('en'))).toBe(
      '42 s  1,201,000 events, 100,000 events/s, lag 240, 65 risks, 6 incidents, 6 deliveries, 10 dead letters  (as fast as it goes)',
    );
  });
});
