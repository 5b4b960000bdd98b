import type { Templates } from './templates.js';

export const en: Templates = {
  locale: 'en',
  highRatio: "{name} {observed}, {ratio} times this {entity}'s usual {expected}",
  lowRatio: "{name} {observed}, far below this {entity}'s usual {expected}",
  highExpected: '{name} {observed}, {difference} above the expected {expected}',
  lowExpected: '{name} {observed}, {difference} below the expected {expected}',
  unusualExpected: '{name} {observed} where {expected} was expected',
  alone: {
    high: '{name} {observed} is unusually high',
    low: '{name} {observed} is unusually low',
    unusual: '{name} {observed} is unusual',
    stuck: '{name} stuck at {observed}',
  },
  bare: {
    high: '{name} is unusually high',
    low: '{name} is unusually low',
    unusual: '{name} is unusual for this {entity}',
    missing: '{name} is missing',
    stuck: '{name} is stuck',
  },
  special: {
    '.new': '{name} never seen before with this {entity}',
    '.rarity': '{name} is a rare one',
    '.change': 'sudden change of {name} to {observed}',
    hour: 'at an unusual hour for this {entity}',
    weekday: 'on an unusual day of the week for this {entity}',
    'events.burst': 'many events of this {entity} in a short time',
  },
  unitSpace: ' ',
  join: '; ',
  end: '',
  none: 'unusual as a whole; no single field stands out',
  words: {
    gap: 'time since the event before',
    events: 'number of recent events',
    dissolvedOxygen: 'dissolved oxygen',
    ph: 'pH',
    stage: 'water level',
  },
};
