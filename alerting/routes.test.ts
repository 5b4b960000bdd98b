import { DEFAULT_EVENTS, type EndpointFilter, wants } from './routes.js';

const all: EndpointFilter = { pipelines: [], domains: [], minSeverity: 'low', events: DEFAULT_EVENTS };
const incident = { pipeline: 'production', domain: 'plant-1', severity: 'high' } as const;

test.each<[string, Partial<EndpointFilter>, boolean]>([
  ['no filter', {}, true],
  ['its pipeline', { pipelines: ['transactions', 'production'] }, true],
  ['another pipeline', { pipelines: ['transactions'] }, false],
  ['its domain', { domains: ['plant-1'] }, true],
  ['another domain', { domains: ['plant-2'] }, false],
  ['as severe', { minSeverity: 'high' }, true],
  ['more severe', { minSeverity: 'critical' }, false],
  ['another event', { events: ['closed'] }, false],
])('%s', (_name, filter, wanted) => {
  expect(wants({ ...all, ...filter }, incident, 'opened')).toBe(wanted);
});
