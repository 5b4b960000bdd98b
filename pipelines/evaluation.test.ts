import { evaluate, type FoundRisk } from './evaluation.js';
import type { TruthRecord } from './source.js';

const risk = (entity: string, eventTime: number, pipeline = 'p'): FoundRisk => ({
  pipeline,
  entity,
  eventTime,
  eventId: `${entity}@${eventTime}`,
});
const bad = (entity: string, time: number, kind: string): TruthRecord => ({
  type: 'event',
  pipeline: 'p',
  entity,
  eventId: `${entity}@${time}`,
  time,
  kind,
});
const episode = (entity: string, from: number, to: number, kind: string): TruthRecord => ({
  type: 'episode',
  pipeline: 'p',
  entity,
  from,
  to,
  kind,
});

describe('evaluate, by event', () => {
  const truth = [bad('a', 1, 'x'), bad('a', 2, 'x'), bad('b', 3, 'y'), bad('b', 9, 'y')];

  it('counts right risks and found events, in all and by kind', () => {
    const result = evaluate('p', [risk('a', 1), risk('b', 3), risk('b', 4)], truth);
    expect(result).toMatchObject({ counted: 'event', risks: 3, rightRisks: 2, truths: 4, foundTruths: 2 });
    expect(result.precision).toBeCloseTo(2 / 3);
    expect(result.recall).toBe(0.5);
    expect(result.byKind).toEqual({ x: { truths: 2, found: 1 }, y: { truths: 2, found: 1 } });
  });

  it('counts repeated risks of an event once and leaves other pipelines out', () => {
    const result = evaluate('p', [risk('a', 1), risk('a', 1), risk('a', 2, 'other')], truth);
    expect(result).toMatchObject({ risks: 1, rightRisks: 1, foundTruths: 1 });
  });

  it('counts nothing as missed that the stream had not reached', () => {
    expect(evaluate('p', [risk('a', 1)], truth, { until: 2 })).toMatchObject({ truths: 2, recall: 0.5 });
  });

  it('has no precision without risks and no recall without truth', () => {
    expect(evaluate('p', [], truth)).toMatchObject({ precision: null, recall: 0 });
    expect(evaluate('p', [risk('a', 1)], [])).toMatchObject({ precision: 0, recall: null });
  });

  it('says what precision chance would have', () => {
    expect(evaluate('p', [], truth, { totals: { events: 200, bad: 4 } }).chance).toBe(0.02);
    expect(evaluate('p', [], truth).chance).toBeNull();
  });
});

describe('evaluate, by episode', () => {
  const truth = [
    episode('a', 10, 20, 'fault-01'),
    episode('a', 40, 50, 'fault-02'),
    episode('b', 10, 20, 'fault-01'),
  ];

  it('finds an episode with one risk of its entity inside, ends included', () => {
    const result = evaluate('p', [risk('a', 10), risk('a', 15), risk('b', 20), risk('b', 45)], truth);
    expect(result).toMatchObject({ counted: 'episode', risks: 4, rightRisks: 3, truths: 3, foundTruths: 2 });
    expect(result.byKind).toEqual({
      'fault-01': { truths: 2, found: 2 },
      'fault-02': { truths: 1, found: 0 },
    });
  });

  it('takes risks outside only within the slack', () => {
    const near = [risk('a', 8), risk('a', 23)];
    expect(evaluate('p', near, truth)).toMatchObject({ rightRisks: 0, foundTruths: 0 });
    expect(evaluate('p', near, truth, { slack: { before: 2, after: 2 } })).toMatchObject({
      rightRisks: 1,
      foundTruths: 1,
    });
  });

  it('counts a risk in two episodes once', () => {
    const overlapping = [episode('a', 10, 20, 'ph'), episode('a', 15, 30, 'stage')];
    expect(evaluate('p', [risk('a', 16)], overlapping)).toMatchObject({
      risks: 1,
      rightRisks: 1,
      precision: 1,
      foundTruths: 2,
    });
  });

  it('leaves out episodes that had not begun', () => {
    expect(evaluate('p', [], truth, { until: 39 })).toMatchObject({ truths: 2 });
  });

  it('refuses a truth of both sorts', () => {
    expect(() => evaluate('p', [], [...truth, bad('a', 1, 'x')])).toThrow(/events and episodes/);
  });

  it('judges no risk in a time that nobody reviewed, except in an episode', () => {
    const unreviewed: TruthRecord = { type: 'unreviewed', pipeline: 'p', entity: 'a', from: 30, to: 60 };
    const result = evaluate(
      'p',
      [risk('a', 15), risk('a', 35), risk('a', 45), risk('b', 35)],
      [...truth, unreviewed],
    );
    expect(result).toMatchObject({ risks: 3, unjudgedRisks: 1, rightRisks: 2, foundTruths: 2 });
    expect(result.precision).toBeCloseTo(2 / 3);
  });
});
