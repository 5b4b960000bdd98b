import { incidentOf } from '../../alerting/incident-example.js';
import { labelsOf } from './labels.js';

const events = [
  { time: 1000, offset: 7, eventId: 'p7', secondary: { terminal: 't1' }, surprise: 2.5 },
  { time: 2000, offset: 9, eventId: 'p9', secondary: { terminal: 't2' }, surprise: 0.5 },
];

test('a confirmed incident gives a label of each of its events, with what the terminal learns from', () => {
  const incident = incidentOf({ verdict: 'confirmed', change: 3, changedBy: 'ann', note: 'called', events });
  expect(labelsOf(incident)).toEqual([
    expect.objectContaining({
      id: `${incident.id}-3-7`,
      incident: incident.id,
      entity: 'card-1',
      eventId: 'p7',
      eventTime: 1000,
      label: 'risk',
      givenBy: 'ann',
      note: 'called',
      secondary: { terminal: 't1' },
      surprise: 2.5,
    }),
    expect.objectContaining({ id: `${incident.id}-3-9`, eventTime: 2000, secondary: { terminal: 't2' } }),
  ]);
});

test('a false alarm takes back what was confirmed', () => {
  const labels = labelsOf(incidentOf({ verdict: 'confirmed', state: 'falseAlarm', events }));
  expect(labels.map(({ label }) => label)).toEqual(['falseAlarm', 'falseAlarm']);
});

test('an incident of a pipeline without labels gives one label, of its last risk', () => {
  const incident = incidentOf({ state: 'falseAlarm', change: 2 });
  expect(labelsOf(incident)).toMatchObject([
    { id: `${incident.id}-2`, eventTime: incident.lastRiskAt, label: 'falseAlarm', secondary: {} },
  ]);
});
