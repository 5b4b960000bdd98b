import { type Described, type Opinion, type Reason, reasonsOf } from './reasons.js';
import { LANGUAGES, Sentences, sentenceMaker } from './sentences.js';

const FEATURES: Described[] = [
  { feature: 'amount', field: 'amount', unit: 'CNY', observed: 512, toUnit: (z) => 100 * z },
  { feature: 'new terminal', field: 'terminal', unit: '', observed: Number.NaN, toUnit: () => Number.NaN },
];
const SENSORS: Described[] = [
  { feature: 'amount', field: 'amount', unit: 'CNY', observed: 512, toUnit: (value) => value },
];
const describeIt = (space: 'feature' | 'sensor', index: number): Described =>
  (space === 'feature' ? FEATURES : SENSORS)[index]!;

const opinions: Opinion[] = [
  {
    detector: 'autoencoder',
    surprise: 1,
    contributions: [
      { index: 1, space: 'feature', share: 0.7, expected: 0, direction: 'unusual' },
      { index: 0, space: 'feature', share: 0.3, expected: 1, direction: 'high' },
    ],
  },
  {
    detector: 'memory',
    surprise: 3,
    contributions: [{ index: 0, space: 'sensor', share: 1, expected: 56.1, direction: 'high' }],
  },
];

test('what several detectors say about one field is one reason, in the words of the strongest', () => {
  const reasons = reasonsOf(opinions, describeIt, 5);
  expect(reasons.map(({ field, share }) => [field, Number(share.toFixed(3))])).toEqual([
    ['amount', 0.825],
    ['terminal', 0.175],
  ]);
  expect(reasons[0]).toMatchObject({
    detector: 'memory',
    observed: 512,
    expected: 56.1,
    unit: 'CNY',
    direction: 'high',
  });
  expect(reasons[1]).toMatchObject({ observed: null, expected: null });
  expect(reasonsOf(opinions, describeIt, 1)).toHaveLength(1);
});

test('the parts of one feature without a field are one reason', () => {
  const parts: Described[] = ['hour.sin', 'hour.cos', 'gap'].map((feature) => ({
    feature,
    field: '',
    unit: '',
    observed: 3,
    toUnit: () => Number.NaN,
  }));
  const contributions = parts.map((_, index) => ({
    index,
    space: 'feature' as const,
    share: 0.3,
    expected: 0,
    direction: 'unusual' as const,
  }));
  const reasons = reasonsOf(
    [{ detector: 'autoencoder', surprise: 2, contributions }],
    (_, index) => parts[index]!,
    5,
  );
  expect(reasons.map(({ feature, share }) => [feature, share])).toEqual([
    ['hour.sin', 0.6],
    ['gap', 0.3],
  ]);
});

test('shares add up to at most 1, and detectors without surprise have no voice', () => {
  const total = reasonsOf(opinions, describeIt, 5).reduce((sum, { share }) => sum + share, 0);
  expect(total).toBeLessThanOrEqual(1 + 1e-12);
  expect(reasonsOf([{ ...opinions[0]!, surprise: 0 }], describeIt, 5)).toEqual([]);
  expect(reasonsOf([{ ...opinions[0]!, surprise: Number.NaN }], describeIt, 5)).toEqual([]);
});

const reason = (partial: Partial<Reason>): Reason => ({
  feature: 'amount',
  field: 'amount',
  detector: 'memory',
  observed: 512,
  expected: 56.1,
  unit: 'CNY',
  direction: 'high',
  share: 0.8,
  ...partial,
});

describe('sentences', () => {
  const say = sentenceMaker();
  const card = { entity: 'card' };

  test('say observed, expected and ratio, with numbers in the way of the language', () => {
    expect(say([reason({})], card)).toEqual({
      en: "amount 512.00 CNY, 9.1 times this card's usual 56.10 CNY",
      zh: '金额为 512.00 CNY，是该卡平时 56.10 CNY 的 9.1 倍。',
    });
    expect(say([reason({ observed: 1_234_567.5 })], card)['en']).toContain('1,234,567.50 CNY');
  });

  test('say a difference where a ratio means little', () => {
    const warm = reason({
      feature: 'temperature',
      field: 'temperature',
      unit: '°C',
      observed: -1.5,
      expected: 12.25,
    });
    expect(say([{ ...warm, direction: 'low' }], { entity: 'site' })).toEqual({
      en: 'temperature -1.5 °C, 13.75 °C below the expected 12.25 °C',
      zh: '水温为 -1.5 °C，比预期的 12.25 °C 低 13.75 °C。',
    });
  });

  test('say stuck, missing and new without numbers that are not there', () => {
    const stuck = reason({
      feature: 'ph',
      field: 'ph',
      unit: 'pH',
      observed: 8.4,
      expected: null,
      direction: 'stuck',
    });
    const missing = reason({
      feature: 'stage',
      field: 'stage',
      observed: null,
      expected: 60,
      direction: 'missing',
    });
    expect(say([stuck, missing], { entity: 'site' })).toEqual({
      en: 'pH stuck at 8.4 pH; water level is missing',
      zh: 'pH 值停留在 8.4 pH 不变；水位缺失。',
    });
    const fresh = reason({
      feature: 'device',
      field: 'device',
      observed: null,
      expected: null,
      direction: 'unusual',
    });
    expect(say([fresh], card)['en']).toBe('device is unusual for this card');
  });

  test('have words of their own for features that are no plain readings', () => {
    const named = (feature: string, field: string, observed: number | null = null): string =>
      say([reason({ feature, field, observed, expected: null, unit: '', direction: 'unusual' })], card)[
        'en'
      ]!;
    expect(named('terminal.new', 'terminal')).toBe('terminal never seen before with this card');
    expect(named('hour.sin', '', 3.2)).toBe('at an unusual hour for this card');
    expect(named('events.burst', '')).toBe('many events of this card in a short time');
    expect(named('amount.change', 'amount', 80)).toBe('sudden change of amount to 80');
    expect(named('amount.change', 'amount')).toBe('amount is unusual for this card');
    expect(named('gap', '', 5)).toBe('time since the event before 5 is unusual');
  });

  test('nothing to say is said', () => {
    expect(say([], card)['en']).toContain('no single field');
  });

  test('no sentence of any language leaves a placeholder open', () => {
    const numbers = [null, 0, 5, -5, 1e-9, 1e15];
    for (const templates of Object.values(LANGUAGES)) {
      const sentences = new Sentences(templates);
      for (const direction of ['high', 'low', 'unusual', 'missing', 'stuck'] as const) {
        for (const observed of numbers) {
          for (const expected of numbers) {
            const text = sentences.sentence([reason({ direction, observed, expected, unit: '' })], card);
            expect(text).not.toMatch(/[{}]|NaN|undefined/);
          }
        }
      }
    }
  });
});
