import fc from 'fast-check';
import type { Incident } from './incidents.js';
import { incidentPayload, MOST_BYTES, testPayload } from './payload.js';

const incident: Incident = {
  ...{
    id: 'inc_1',
    pipeline: 'transactions',
    domain: 'EUR',
    entity: 'card 7/ü',
    state: 'open',
    severity: 'high',
    change: 1,
    changeKind: 'opened',
  },
  ...{
    changedAt: Date.UTC(2026, 0, 5, 12),
    changedBy: 'riskwire',
    note: '',
    openedAt: Date.UTC(2026, 0, 5),
    lastRiskAt: Date.UTC(2026, 0, 5, 1),
    timeZone: 'Europe/Berlin',
  },
  ...{
    risks: 2,
    maxScore: 7.123456789,
    firstRiskId: 'rsk_1',
    lastRiskId: 'rsk_2',
    lastRiskOffset: 4,
    eventPartition: 0,
    lastEventOffset: 9,
    firstOffsets: [9],
    lastCommandOffset: -1,
    partition: 2,
    model: 'm',
    kind: 'single',
    reason: 'amount high',
    parent: '',
    members: 0,
    labels: [],
    verdict: '',
    seen: [],
    peak: '',
    peakAt: 0,
    waitingSince: 0,
    escalations: 0,
    judged: 0,
    events: [],
  },
  reasons: [
    {
      feature: 'amount',
      field: 'amount',
      detector: 'memory',
      observed: 900,
      expected: Number.NaN,
      unit: 'EUR',
      direction: 'high',
      share: 0.8,
    },
  ],
  sentences: { en: 'Far above its habit.', zh: '远高于惯常水平。' },
  context: { country: 'DE' },
};

test('says what happened, to whom, why, and where to look', () => {
  const payload = JSON.parse(incidentPayload(incident, 'https://risk.example/').toString());
  expect(payload).toMatchObject({
    type: 'incident.opened',
    timestamp: '2026-01-05T12:00:00.000Z',
    data: {
      incident: {
        id: 'inc_1',
        entity: 'card 7/ü',
        severity: 'high',
        risks: 2,
        maxScore: 7.12346,
        openedAt: '2026-01-05T00:00:00.000Z',
      },
      reasons: [{ feature: 'amount', observed: 900, expected: null, unit: 'EUR', share: 0.8 }],
      sentences: { zh: '远高于惯常水平。' },
      links: { incident: 'https://risk.example/v1/incidents/inc_1' },
      shortened: false,
    },
  });
  const risks = new URL(payload.data.links.risks);
  expect(Object.fromEntries(risks.searchParams)).toEqual({
    pipeline: 'transactions',
    entity: 'card 7/ü',
    from: '2026-01-05T00:00:00.000Z',
    to: '2026-01-05T01:00:00.001Z',
  });
});

test('the same incident gives the same bytes', () => {
  expect(
    incidentPayload(incident, 'https://r').equals(incidentPayload(structuredClone(incident), 'https://r')),
  ).toBe(true);
});

test('it stays under 20 kB whatever the incident holds, and is JSON', () => {
  const long = fc.string({ minLength: 0, maxLength: 4_000, unit: 'binary' });
  const reason = fc.record({
    feature: long,
    field: long,
    detector: long,
    observed: fc.double(),
    expected: fc.double(),
    unit: long,
    direction: fc.constant('high'),
    share: fc.double(),
  });
  fc.assert(
    fc.property(
      fc.array(reason, { maxLength: 30 }),
      fc.dictionary(long, long, { maxKeys: 40 }),
      fc.dictionary(long, long, { maxKeys: 10 }),
      long,
      fc.integer({ min: -9e15, max: 9e15 }),
      (reasons, context, sentences, text, time) => {
        const odd = {
          ...incident,
          reasons,
          context,
          sentences,
          entity: text,
          domain: text,
          note: text,
          model: text,
          timeZone: text,
          openedAt: time,
        };
        const bytes = incidentPayload(odd, 'https://risk.example');
        expect(bytes.length).toBeLessThan(MOST_BYTES);
        expect(() => JSON.parse(bytes.toString())).not.toThrow();
      },
    ),
    { numRuns: 60 },
  );
});

test('the test event names the endpoint', () => {
  expect(JSON.parse(testPayload('ep_1', 0).toString())).toMatchObject({
    type: 'endpoint.test',
    timestamp: '1970-01-01T00:00:00.000Z',
    data: { endpoint: 'ep_1' },
  });
});
