import type { Figures } from './collector.js';
import { faultsOf, type Measured, outcomeOf } from './outcome.js';

const one = { title: '', perSecond: 0, lag: 0, p50: 0, p99: 0 };
const figures: Figures = {
  backend: 'wasm',
  pipelines: [
    { ...one, name: 'transactions', events: 900, risks: 8, incidents: 5, deadLetters: 3 },
    { ...one, name: 'production', events: 100, risks: 2, incidents: 1, deadLetters: 1 },
  ],
  clickhouseRisks: 10,
  sinkLag: 0,
  alertLag: 0,
  deliveries: { succeeded: 6, failed: 0, pending: 0 },
  verified: 6,
  breakers: [],
  incidents: [],
};
const judged = { precision: 0.5, recall: 0.25, chance: 0.01, truths: 16, foundTruths: 4 };
const measured: Measured = {
  figures,
  seconds: 8,
  planted: 4,
  sent: 996,
  quality: { transactions: judged, production: { ...judged, precision: null } },
};

test('adds the pipelines up', () => {
  const outcome = outcomeOf(measured);
  expect(outcome).toMatchObject({
    events: 1000,
    eventsPerSecond: 125,
    risks: 10,
    incidents: 6,
    deadLetters: 4,
    clickhouseRisks: 10,
  });
  expect(outcome.pipelines['transactions']).toEqual({ events: 900, risks: 8, incidents: 5, ...judged });
  expect(outcome.pipelines['production']?.precision).toBeNull();
  expect(faultsOf(outcome)).toEqual([]);
});

const faulty: [string, Partial<Measured>, string][] = [
  [
    'an event that got lost',
    { sent: 997 },
    'events that the scorer counted (1000) differ from those that were sent (1001)',
  ],
  [
    'a dead letter too few',
    { planted: 5, sent: 995 },
    'dead letters (4) differ from the bad events that were planted (5)',
  ],
  [
    'a risk that ClickHouse lacks',
    { figures: { ...figures, clickhouseRisks: 9 } },
    'risks in ClickHouse (9) differ from the risks that the scorer published (10)',
  ],
  [
    'a signature that was not verified',
    { figures: { ...figures, verified: 5 } },
    'only 5 of 6 deliveries had a signature that the receiver could verify',
  ],
  [
    'incidents that nobody heard of',
    { figures: { ...figures, deliveries: { succeeded: 0, failed: 2, pending: 0 } } },
    '6 incidents were opened and no delivery succeeded',
  ],
];
test.each(faulty)('says %s', (_what, change, fault) => {
  expect(faultsOf(outcomeOf({ ...measured, ...change }))).toEqual([fault]);
});

test('a pipeline that was not judged is no zero', () => {
  expect(() => outcomeOf({ ...measured, quality: { transactions: judged } })).toThrow(
    'production was not judged',
  );
});
