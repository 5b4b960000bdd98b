import type { Cell, TableRow } from '../../../lib/table-files/table.js';
import { UsageError } from '../exit.js';
import { type ColumnProfile, isTimeName, profileColumns, wordsOf } from '../guess/columns.js';
import { LocalTime } from '../guess/local-time.js';
import { paceOf } from '../guess/pace.js';
import { isSkewed } from '../try/definition.js';
import { duration } from '../try/guesses.js';
import {
  type DocumentedField,
  documentedFields,
  isNumber,
  isText,
  recordDoc,
  unitOf,
} from './schema-fields.js';

export interface SampleEvent {
  readonly key: string;
  readonly event: Readonly<Record<string, unknown>>;
}

export interface ProposeInput {
  /** the schema's JSON */
  readonly schema: unknown;
  readonly schemaName: string;
  readonly topic: string;
  readonly name: string;
  /** empty without a topic to look at */
  readonly sample: readonly SampleEvent[];
}

export interface ProposedNumber {
  readonly field: string;
  readonly unit: string | { readonly field: string } | undefined;
  readonly log: boolean;
  readonly why: string;
}

/** What is proposed, each with the reason that is written beside it. */
export interface Proposal extends ProposeInput {
  readonly kind: 'sensors' | 'events';
  readonly entity: Chosen;
  readonly eventId: Chosen | undefined;
  readonly time: Chosen;
  readonly timeZone: Chosen | undefined;
  readonly domain: Chosen | undefined;
  readonly numbers: readonly ProposedNumber[];
  readonly categories: readonly Chosen[];
  readonly context: readonly string[];
  readonly left: readonly Chosen[];
  /** seconds between an entity's events; NaN when no sample tells */
  readonly gap: number;
  readonly entities: number;
}

export interface Chosen {
  readonly field: string;
  readonly why: string;
}

const ENTITY_WORDS =
  /^(card|customer|client|user|account|device|sensor|machine|station|site|host|asset|meter|vehicle|unit|well|pump|turbine|greenhouse|terminal|store|line)$/;
const DOMAIN_WORDS =
  /^(tenant|country|region|plant|factory|watershed|market|area|crop|district|organisation|organization|company)$/;
const ID_NAME = /^(id|uuid|guid|(event|message|record|transaction|tx|reading|payment|order)_?id)$/i;
const ZONE_NAME = /^(time_?zone|tz|zone_?id)$/i;
/** different values in the sample up to which a text is a category, when it isn't repeated much */
const MOST_VALUES = 250;
const MOST_CATEGORIES = 12;
const MOST_CONTEXT = 6;

/**
 * Proposes a pipeline for a schema, from the fields' names, types and docs, and from a sample of the topic if there
 * is one.
 * @throws UsageError when the schema has no field that can be the time, or none that can be the entity
 */
export function propose(input: ProposeInput): Proposal {
  const { schema, sample } = input;
  const fields = documentedFields(schema);
  if (fields === undefined)
    throw new UsageError(`the schema '${input.schemaName}' is not an Avro record; events are records`);
  const local = new LocalTime();
  const profiles = profilesOf(fields, sample, local);
  const seen = (field: DocumentedField) => profiles.get(field.name);
  const left: Chosen[] = [];

  const time = timeField(fields);
  const texts = fields.filter(isText);
  const zone = texts.find((field) => ZONE_NAME.test(field.name) || seen(field)?.zones === true);
  const entity = entityField(
    texts.filter((field) => field !== zone),
    input,
  );
  const eventId = texts.find(
    (field) => field.name !== entity.field && ID_NAME.test(field.name) && isUnique(seen(field)),
  );
  const domain = texts.find((field) => {
    const { distinct = 2 } = seen(field) ?? {};
    return (
      field.name !== entity.field &&
      field !== eventId &&
      distinct <= MOST_VALUES &&
      wordsOf(field.name).some((word) => DOMAIN_WORDS.test(word))
    );
  });

  const categories: Chosen[] = [];
  for (const field of texts) {
    if (field.name === entity.field || field === eventId || field === zone) continue;
    const profile = seen(field);
    if (profile !== undefined && profile.filled > 0) {
      if (profile.distinct < 2) left.push({ field: field.name, why: 'always the same in the sample' });
      else if (profile.distinct > MOST_VALUES && profile.distinct > 0.5 * profile.filled)
        left.push({ field: field.name, why: 'nearly every event has its own' });
      else if (categories.length < MOST_CATEGORIES)
        categories.push({ field: field.name, why: `${profile.distinct} different values in the sample` });
      else left.push({ field: field.name, why: `beyond the first ${MOST_CATEGORIES}` });
    } else if (isLong(field)) left.push({ field: field.name, why: 'named like free text' });
    else if (categories.length < MOST_CATEGORIES) categories.push({ field: field.name, why: field.doc });
  }

  const currency = texts.find((field) => /^(currency|ccy)(_?code)?$/i.test(field.name));
  const numbers: ProposedNumber[] = [];
  for (const field of fields.filter(isNumber)) {
    if (field.name === time.field) continue;
    const profile = seen(field);
    if (field.logicalType?.startsWith('timestamp') || isTimeName(field.name))
      left.push({ field: field.name, why: 'another time' });
    else if (/(^|_)id$/i.test(field.name) || /Id$/.test(field.name))
      left.push({ field: field.name, why: 'named like an identifier' });
    else if (profile !== undefined && profile.filled > 0 && profile.distinct < 2)
      left.push({ field: field.name, why: 'always the same in the sample' });
    else
      numbers.push({
        field: field.name,
        unit:
          /currency/i.test(field.doc) && currency !== undefined
            ? { field: currency.name }
            : unitOf(field.doc),
        log: profile !== undefined && isSkewed(profile),
        why: profile === undefined || profile.filled === 0 ? '' : rangeOf(profile),
      });
  }
  for (const field of fields)
    if (!isNumber(field) && !isText(field) && field.name !== time.field)
      left.push({ field: field.name, why: `of type ${field.type}` });

  const pace = sample.length > 0 ? paceIn(profiles, entity.field, time.field, local) : undefined;
  const kind =
    pace !== undefined ? (pace.regular ? 'sensors' : 'events') : numbers.length > 3 ? 'sensors' : 'events';
  return {
    ...input,
    kind,
    entity,
    eventId: eventId && { field: eventId.name, why: "the producer's own id of an event" },
    time,
    timeZone: zone && { field: zone.name, why: 'hours and weekdays are counted there' },
    domain: domain && {
      field: domain.name,
      why: 'groups of entities with a distribution of their own',
    },
    numbers,
    // readings are scaled by domain already: as a category it would say nothing new
    categories: kind === 'sensors' ? categories.filter(({ field }) => field !== domain?.name) : categories,
    context: contextOf(kind, entity, domain?.name, categories, numbers),
    left,
    gap: pace?.gap ?? Number.NaN,
    entities: new Set(sample.map(({ key }) => key)).size,
  };
}

function profilesOf(
  fields: readonly DocumentedField[],
  sample: readonly SampleEvent[],
  local: LocalTime,
): Map<string, ColumnProfile> {
  if (sample.length === 0) return new Map();
  const rows: TableRow[] = sample.map(({ event }, line) => ({
    line,
    cells: fields.map(({ name }) => cellOf(event[name])),
  }));
  const names = fields.map(({ name }) => name);
  return new Map(profileColumns(names, rows, local).map((profile) => [profile.name, profile]));
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

function timeField(fields: readonly DocumentedField[]): Chosen {
  const longs = fields.filter(({ type }) => type === 'long');
  const millis = longs.filter(({ logicalType }) => logicalType === 'timestamp-millis');
  const candidates = millis.length > 0 ? millis : longs.filter(({ name }) => isTimeName(name));
  const named = candidates.find(({ name }) => isTimeName(name)) ?? candidates[0];
  if (named === undefined)
    throw new UsageError(
      `no field can be the event time: it must be a long in epoch milliseconds (logicalType timestamp-millis); the longs are ${longs.map(({ name }) => name).join(', ') || 'none'}`,
    );
  return {
    field: named.name,
    why: millis.length > 0 ? 'epoch ms' : 'no timestamp-millis in the schema: check that it is epoch ms',
  };
}

/** What the Kafka key is made of, then what the schema's doc calls the key, then what is named like one. */
function entityField(texts: readonly DocumentedField[], { schema, sample }: ProposeInput): Chosen {
  const byKey = texts.find(
    ({ name }) =>
      sample.length > 0 &&
      sample.filter(({ key, event }) => event[name] === key).length >= 0.95 * sample.length,
  );
  if (byKey !== undefined) return { field: byKey.name, why: 'the Kafka key in the sample' };
  const documented = /key\s*[=:]\s*(\w+)/i.exec(recordDoc(schema))?.[1];
  const byDoc = texts.find(({ name }) => name === documented);
  if (byDoc !== undefined) return { field: byDoc.name, why: "the key, by the schema's doc" };
  const free = texts.filter(({ name }) => !ID_NAME.test(name));
  const byName = free.find(({ name }) => wordsOf(name).some((word) => ENTITY_WORDS.test(word)));
  if (byName !== undefined) return { field: byName.name, why: 'by its name: must be the Kafka key' };
  const first = free[0] ?? texts[0];
  if (first === undefined)
    throw new UsageError('no field can be the entity: what a risk is about must be a string or an enum');
  return { field: first.name, why: 'a guess, nothing tells: must be the Kafka key' };
}

function isUnique(profile: ColumnProfile | undefined): boolean {
  return profile === undefined || profile.filled === 0 || profile.distinct === profile.filled;
}

function isLong({ name, doc }: DocumentedField): boolean {
  return /(comment|message|text|description|note|remark|url|address|payload|hash|token|email|phone)/i.test(
    `${name} ${doc}`,
  );
}

function rangeOf({ min, max, filled, cells }: ColumnProfile): string {
  const missing = cells.length - filled;
  const share = missing === 0 ? '' : `, ${Number(((100 * missing) / cells.length).toPrecision(2))}% missing`;
  return `${Number(min.toPrecision(4))} to ${Number(max.toPrecision(4))}${share} in the sample`;
}

function paceIn(
  profiles: ReadonlyMap<string, ColumnProfile>,
  entity: string,
  time: string,
  local: LocalTime,
) {
  const of = profiles.get(time);
  if (of?.time === undefined) return undefined;
  return paceOf({ time: of, key: profiles.get(entity), clock: undefined, zone: 'UTC' }, local);
}

function contextOf(
  kind: Proposal['kind'],
  entity: Chosen,
  domain: string | undefined,
  categories: readonly Chosen[],
  numbers: readonly ProposedNumber[],
): string[] {
  const fields =
    kind === 'sensors'
      ? [domain, entity.field]
      : [...numbers.slice(0, 2).map(({ field }) => field), domain, ...categories.map(({ field }) => field)];
  return [...new Set(fields.filter((field): field is string => field !== undefined))].slice(0, MOST_CONTEXT);
}

/** 90 s as a definition writes it: 90s, 15m, 1h. */
export function definitionDuration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const)
    if (whole % size === 0) return `${whole / size}${unit}`;
  return `${whole}s`;
}

export function paceText(gap: number): string {
  return Number.isFinite(gap) ? `about every ${duration(gap)}` : '';
}
