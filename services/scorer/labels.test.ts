import { labelOf } from './labels.js';

const feedback = {
  id: 'f1',
  pipeline: 'transactions',
  entity: 'card-1',
  eventTime: 10 * 3_600_000,
  label: 'risk' as const,
  givenAt: 20.5 * 3_600_000,
  secondary: { terminal: 't9', other: 'x' },
  surprise: 2.5,
};

test('a label names the secondary entities of the pipeline, and counts from the second full hour after it was given', () => {
  expect(labelOf(feedback, ['terminal', 'merchant'])).toEqual({
    type: 'label',
    id: 'f1',
    entity: 'card-1',
    time: 36_000,
    secondary: ['t9', ''],
    risk: true,
    surprise: 2.5,
    effectiveAt: 22 * 3600,
  });
  expect(labelOf({ ...feedback, label: 'falseAlarm' }, []).risk).toBe(false);
});

test('a label given before its event counts from after the event', () => {
  expect(labelOf({ ...feedback, givenAt: 0 }, []).effectiveAt).toBe(11 * 3600);
});
