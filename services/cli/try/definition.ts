import type { FeatureSpec, NumberSpec } from '../../../detection/features/spec.js';
import type { DetectorSettings } from '../../../detection/model/detector-settings.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import type { ColumnProfile } from '../guess/columns.js';
import type { Pace } from '../guess/pace.js';
import type { Roles } from '../guess/roles.js';
import type { EventFields } from './event-table.js';

/**
 * What a file is like, which decides what watches it. `series`: one number over time, of one thing or of several.
 * `sensors`: several numbers at a steady pace. `events`: things that happen to entities when they happen, such as payments.
 */
export type Kind = 'series' | 'sensors' | 'events';

export interface Shape {
  readonly kind: Kind;
  readonly trainRows: number;
  readonly entities: number;
}

export interface MadeUp {
  readonly pipeline: Pipeline;
  readonly fields: EventFields;
  readonly kind: Kind;
  /** why these detectors, a word each for people */
  readonly why: readonly Choice[];
}

export type Choice =
  | 'memoryDecides'
  | 'memorySmall'
  | 'tooFewToLearn'
  | 'learned'
  | 'learnedEvents'
  | 'noNumbers';

/** training rows below which nothing is learned: the detectors that need no training work alone */
export const LEAST_TO_LEARN = 500;
/** sensors x entities up to which each sensor gets the large memory, of some 30 KB */
const MOST_LARGE = 2000;
/** rows of an entity that the large memory wants before it says anything, and the small one */
const LARGE_FROM = 150;

/**
 * In steady readings a state that hardly changes (running, standby) is left alone unless it was asked for: its rare
 * changes have no spread to be judged by on short stretches, and would drown what the readings say together.
 */
export function rolesFor(kind: Kind, roles: Roles, asked: boolean): Roles {
  if (kind !== 'sensors' || asked || roles.categories.length === 0) return roles;
  return {
    ...roles,
    categories: [],
    left: [...roles.left, ...roles.categories.map(({ name }) => ({ name, why: 'state' as const }))],
  };
}

export function kindOf(roles: Roles, pace: Pace): Kind {
  const { numbers, categories, key } = roles;
  if (numbers.length === 0) return 'events';
  if (!pace.regular && (key !== undefined || categories.length > 0)) return 'events';
  return numbers.length === 1 && categories.length === 0 ? 'series' : 'sensors';
}

/** '温度 (°C)' → 温度, °C. A name without a unit keeps itself. */
export function nameAndUnit(column: string): { field: string; unit: string } {
  const match = /^(.+?)\s*[([（【]\s*([^)\]）】]{1,12})\s*[)\]）】]$/u.exec(column.trim());
  return match === null ? { field: column, unit: '' } : { field: match[1]!, unit: match[2]! };
}

/** Made up from the guesses: the pipeline that the file would have, were it a stream. */
export function makePipeline(
  roles: Roles,
  pace: Pace,
  shape: Shape,
  options: { budget: number; trainDays: number },
): MadeUp {
  const { kind } = shape;
  const fields = fieldsOf(roles);
  const why: Choice[] = [];
  const detectors = detectorsFor(roles, pace, shape, why);
  const categories = [...fields.categories, ...(fields.secondary === undefined ? [] : [fields.secondary])];
  const features: FeatureSpec = {
    numbers: roles.numbers.map((profile, index) => numberSpec(profile, fields.numbers[index]!, kind)),
    categories,
    // a weekday that was never learned would stand out by itself
    calendar: kind !== 'series' && options.trainDays >= 7,
    gap: kind === 'events' && roles.time !== undefined,
    activity: kind === 'events' ? [3600, 86_400, 604_800] : [],
  };
  const quiet =
    kind === 'events' || Number.isNaN(pace.gap) ? 3_600_000 : Math.min(7 * 86_400_000, 100_000 * pace.gap);
  return {
    kind,
    fields,
    why,
    pipeline: {
      name: 'try',
      title: { en: 'A file', zh: '文件' },
      topic: 'file',
      schemaName: '',
      schema: { type: 'record', name: 'Row', fields: [] },
      entity: roles.key?.name ?? 'series',
      eventId: undefined,
      time: fields.time,
      timeZone: { field: fields.zone },
      domain: { fixed: 'all' },
      late: Number.MAX_SAFE_INTEGER,
      ahead: Number.MAX_SAFE_INTEGER,
      context: [],
      features,
      detectors,
      smoothing: kind === 'sensors' ? [1, 0.2, 0.05] : [1],
      budget: options.budget,
      quiet: Math.max(1000, quiet),
    },
  };
}

function fieldsOf(roles: Roles): EventFields {
  const taken = new Set<string>();
  const own = (column: string): string => {
    const { field } = nameAndUnit(column);
    const name = taken.has(field) ? column : field;
    taken.add(name);
    return name;
  };
  return {
    // not to clash with any column of the file
    time: '\u0000time',
    zone: '\u0000zone',
    numbers: roles.numbers.map(({ name }) => own(name)),
    categories: roles.categories.map(({ name }) => own(name)),
    secondary: roles.secondaryKey && own(roles.secondaryKey.name),
  };
}

function numberSpec(profile: ColumnProfile, field: string, kind: Kind): NumberSpec {
  const { unit } = nameAndUnit(profile.name);
  return {
    field,
    sensor: true,
    ...(unit !== '' && { unit }),
    ...(isSkewed(profile) && { log: true }),
    ...(kind === 'events' && { habit: true }),
  };
}

/** Never negative, and the largest in a hundred more than ten times the middle: amounts, counts, turbidity. */
export function isSkewed({ values, min }: Pick<ColumnProfile, 'values' | 'min'>): boolean {
  if (min < 0) return false;
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const middle = sorted[sorted.length >> 1] ?? 0;
  const high = sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 0;
  return middle > 0 && high > 10 * middle;
}

/**
 * On one number learned models add noise to what the memory sees (measured: alone they reach half of its score on
 * NAB), so it decides alone there. With several numbers, categories or entities they see what it can't: what
 * goes together.
 */
function detectorsFor(roles: Roles, pace: Pace, shape: Shape, why: Choice[]): DetectorSettings {
  const { kind, trainRows, entities } = shape;
  const sensors = roles.numbers.length;
  const rowsEach = trainRows / Math.max(1, entities);
  const large = kind !== 'events' && sensors * entities <= MOST_LARGE && rowsEach >= LARGE_FROM;
  const memory: DetectorSettings = sensors === 0 ? {} : { memory: { size: large ? 'large' : 'small' } };
  if (kind === 'series') {
    why.push('memoryDecides');
    if (!large) why.push('memorySmall');
    return memory;
  }
  const interval = Number.isFinite(pace.gap) && pace.gap > 0 ? pace.gap : 60;
  const checks: DetectorSettings =
    kind === 'sensors' && sensors > 0 ? { checks: { intervalSeconds: interval } } : {};
  const enough = trainRows >= Math.max(LEAST_TO_LEARN, 10 * sensors);
  if (sensors === 0) why.push('noNumbers');
  if (!enough) {
    why.push('tooFewToLearn');
    return { ...memory, ...checks };
  }
  if (kind === 'events') {
    why.push('learnedEvents');
    return {
      autoencoder: { window: 1, hidden: [16, 8] },
      sequence: { hidden: 16 },
      ...(sensors > 0 && { margins: {} }),
      ...memory,
    };
  }
  why.push('learned');
  return { autoencoder: { window: sensors > 20 ? 3 : 4 }, sequence: { hidden: 16 }, ...memory, ...checks };
}
