import type { Incident } from '../../alerting/incidents.js';
import { unfinished } from './unfinished.js';

const incident = (id: string, lastRiskOffset: number, lastCommandOffset: number) =>
  ({ id, lastRiskOffset, lastCommandOffset }) as Incident;

test('only incidents that took in what will be read again may lack something', () => {
  const all = [
    incident('done', 9, 4),
    incident('risk', 10, -1),
    incident('command', 3, 5),
    incident('both', 12, 7),
  ];
  expect(unfinished(all, { risks: 10, commands: 5 }).map(({ id }) => id)).toEqual([
    'risk',
    'command',
    'both',
  ]);
  expect(unfinished([incident('no command', 0, -1)], { risks: 1, commands: 0 })).toEqual([]);
});
