import { type ColumnProfile, isTimeName, wordsOf } from './columns.js';
import type { LocalTime } from './local-time.js';

/** What a person may say of the columns; what is left unsaid is guessed. */
export interface RoleHints {
  readonly time?: string | undefined;
  readonly key?: string | undefined;
  readonly secondaryKey?: string | undefined;
  readonly values?: readonly string[] | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly label?: string | undefined;
  readonly timeZone?: string | undefined;
}

/** Why a column is not used. */
export type LeftOut =
  | 'empty'
  | 'label'
  | 'otherTime'
  | 'notValue'
  | 'notCategory'
  | 'rowNumber'
  | 'constant'
  | 'unique'
  | 'tooMany'
  | 'state';

export interface Roles {
  readonly time: ColumnProfile | undefined;
  /** the clock beside a date */
  readonly clock: ColumnProfile | undefined;
  readonly zoneColumn: ColumnProfile | undefined;
  /** of times that name none */
  readonly zone: string;
  readonly key: ColumnProfile | undefined;
  readonly secondaryKey: ColumnProfile | undefined;
  readonly numbers: readonly ColumnProfile[];
  readonly categories: readonly ColumnProfile[];
  readonly label: ColumnProfile | undefined;
  /** columns that are not used, and why */
  readonly left: readonly { readonly name: string; readonly why: LeftOut }[];
}

/** A column was named that the file doesn't have, or can't serve as what it was named for. */
export class RoleError extends Error {
  override readonly name = 'RoleError';
}

const ENTITY =
  /^(card|customer|client|user|account|acct|device|sensor|machine|station|site|host|asset|meter|vehicle|patient|member|iban|pan|unit|well|pump|turbine|equipment|server|instance|engine|bearing|greenhouse|field)$/;
const ENTITY_CHINESE =
  /卡号|客户|用户|账户|账号|设备|传感器|机器|机组|站点|测站|主机|车辆|门店|大棚|水泵|编号/;
const PART = /^(id|key|no|nr|number|code|name|entity|series|tag|terminal|store|plant|line|node)$/;
const KIND =
  /^(type|category|kind|status|state|channel|country|currency|level|mode|class|method|language|unit|weekday|season|gender)$/;
const KIND_CHINESE = /类型|类别|状态|渠道|国家|币种|级别|等级|模式|方式/;
const LABEL = /^(label|labels|anomaly|anomalous|isanomaly|fraud|isfraud|outlier|target|class|attack)$/;
const LABEL_CHINESE = /标签|异常|欺诈|故障标记/;

/** more categories than this say little and cost much */
const MOST_CATEGORIES = 12;

export function guessRoles(profiles: readonly ColumnProfile[], hints: RoleHints, local: LocalTime): Roles {
  const named = (name: string | undefined, flag: string): ColumnProfile | undefined => {
    if (name === undefined) return undefined;
    const found =
      profiles.find((profile) => profile.name === name) ??
      profiles.find((profile) => profile.name.toLowerCase() === name.toLowerCase());
    if (found === undefined)
      throw new RoleError(
        `${flag} ${name}: the file has no such column; it has ${profiles.map((profile) => profile.name).join(', ')}`,
      );
    return found;
  };
  const label = named(hints.label, '--label');
  const free = new Set(profiles);
  const left: { name: string; why: LeftOut }[] = [];
  const leave = (profile: ColumnProfile, why: LeftOut) => {
    free.delete(profile);
    left.push({ name: profile.name, why });
  };
  if (label !== undefined) free.delete(label);
  const wantedValues = hints.values?.map((name) => named(name, '--values')!);
  const wantedCategories = hints.categories?.map((name) => named(name, '--categories')!);
  const asked = new Set([...(wantedValues ?? []), ...(wantedCategories ?? [])]);

  for (const profile of [...free]) {
    if (profile.filled === 0) leave(profile, 'empty');
    else if (!asked.has(profile) && looksLikeLabel(profile)) leave(profile, 'label');
  }
  const time = named(hints.time, '--time') ?? timeColumn([...free].filter((profile) => !asked.has(profile)));
  if (time !== undefined && time.time === undefined)
    throw new RoleError(
      `--time ${time.name}: its values can't be read as times, such as '${String(time.cells[0])}'; write them as 2024-03-05 14:07:00, with or without an offset, or as epoch s, ms or µs`,
    );
  if (time !== undefined) free.delete(time);
  const clock =
    time !== undefined && hasDatesOnly(time) ? [...free].find((profile) => profile.clock) : undefined;
  if (clock !== undefined) free.delete(clock);
  const zoneColumn = hints.timeZone === undefined ? [...free].find((profile) => profile.zones) : undefined;
  if (zoneColumn !== undefined) free.delete(zoneColumn);
  for (const profile of [...free])
    if (
      !asked.has(profile) &&
      profile.time !== undefined &&
      (profile.numeric < 0.9 || profile.time.epoch !== undefined || profile.time.relative)
    )
      leave(profile, 'otherTime');

  const key =
    named(hints.key, '--key') ??
    keyColumn(
      [...free].filter((profile) => !asked.has(profile)),
      time,
    );
  if (key !== undefined) free.delete(key);
  const secondaryKey = named(hints.secondaryKey, '--secondary-key');
  if (secondaryKey !== undefined) free.delete(secondaryKey);

  const numbers: ColumnProfile[] = [];
  const categories: ColumnProfile[] = [];
  if (wantedValues !== undefined)
    for (const profile of wantedValues) {
      if (profile.numeric < 0.5)
        throw new RoleError(
          `--values ${profile.name}: most of its values are no numbers, such as '${String(profile.cells.find((cell) => Number.isNaN(Number(cell))))}'; name it with --categories, or leave it out`,
        );
      numbers.push(profile);
      free.delete(profile);
    }
  if (wantedCategories !== undefined)
    for (const profile of wantedCategories) {
      categories.push(profile);
      free.delete(profile);
    }
  for (const profile of free) {
    const isNumber = profile.numeric >= 0.85 && !isCode(profile);
    if (isNumber) {
      if (wantedValues !== undefined) leave(profile, 'notValue');
      else if (isRowNumber(profile)) leave(profile, 'rowNumber');
      else if (profile.distinct < 2) leave(profile, 'constant');
      else numbers.push(profile);
    } else if (wantedCategories !== undefined) leave(profile, 'notCategory');
    else if (profile.distinct < 2) leave(profile, 'constant');
    else if (profile.distinct > Math.max(50, 0.5 * profile.filled)) leave(profile, 'unique');
    else if (categories.length >= MOST_CATEGORIES) leave(profile, 'tooMany');
    else categories.push(profile);
  }
  const ofTable = (a: ColumnProfile, b: ColumnProfile) => a.index - b.index;
  return {
    time,
    clock,
    zoneColumn,
    zone: zoneOf(hints, local),
    key,
    secondaryKey,
    numbers: numbers.sort(ofTable),
    categories: categories.sort(ofTable),
    label,
    left,
  };
}

function zoneOf({ timeZone }: RoleHints, local: LocalTime): string {
  if (timeZone === undefined) return 'UTC';
  if (!local.knows(timeZone))
    throw new RoleError(
      `--time-zone ${timeZone}: no such time zone; use an IANA name such as Europe/Berlin or Asia/Shanghai`,
    );
  return timeZone;
}

function looksLikeLabel(profile: ColumnProfile): boolean {
  if (profile.distinct > 10) return false;
  const words = wordsOf(profile.name);
  if (words.includes('fraud')) return true;
  if (profile.distinct > 3) return false;
  return words.some((word) => LABEL.test(word)) || LABEL_CHINESE.test(profile.name);
}

/** A column that is named like a time before one that isn't, dates before counts, the first before later ones. */
function timeColumn(profiles: readonly ColumnProfile[]): ColumnProfile | undefined {
  const rank = (profile: ColumnProfile) =>
    (isTimeName(profile.name) ? 4 : 0) + (profile.time!.relative ? 0 : 2);
  return profiles
    .filter(
      (profile) =>
        profile.time !== undefined &&
        (profile.numeric < 0.9 || isTimeName(profile.name) || profile.time.epoch !== undefined),
    )
    .sort((a, b) => rank(b) - rank(a) || a.index - b.index)[0];
}

function hasDatesOnly(profile: ColumnProfile): boolean {
  const texts = profile.cells.filter((cell): cell is string => typeof cell === 'string');
  return (
    texts.length > 0 &&
    !texts.slice(0, 200).some((text) => /\d[:时点]\d/.test(text)) &&
    profile.time?.epoch === undefined
  );
}

/** Whole numbers with few values that are codes: statuses, switches, months. */
function isCode(profile: ColumnProfile): boolean {
  if (!profile.whole || profile.numeric < 1) return false;
  if (profile.filled < 50) return false;
  const words = wordsOf(profile.name);
  if (words.some((word) => KIND.test(word)) || KIND_CHINESE.test(profile.name))
    return profile.distinct <= 200;
  const isId = words.at(-1) === 'id' || words.at(-1) === 'code';
  return isId || (profile.distinct <= 12 && profile.distinct >= 2);
}

function isRowNumber({ whole, values, distinct, filled, numeric }: ColumnProfile): boolean {
  if (!whole || numeric < 1 || distinct < 0.5 * filled || filled < 20) return false;
  let falls = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (value < last) falls++;
    last = value;
  }
  return falls <= 0.01 * filled;
}

/**
 * The column that tells entities apart: a repeated text or code that is named like one, or without which several rows
 * have one time. None: the file is one series.
 */
function keyColumn(
  profiles: readonly ColumnProfile[],
  time: ColumnProfile | undefined,
): ColumnProfile | undefined {
  const stamps = time?.cells.map((cell) => (cell instanceof Date ? cell.getTime() : cell));
  const before = stamps === undefined ? 0 : repeated(stamps.map(String));
  const scored = profiles
    .filter(({ distinct, filled, cells, numeric, whole }) => {
      const isText = numeric < 0.5;
      return distinct >= 2 && distinct <= 0.5 * filled && filled >= 0.95 * cells.length && (isText || whole);
    })
    .map((profile) => {
      const words = wordsOf(profile.name);
      let score = 0;
      if (words.some((word) => ENTITY.test(word)) || ENTITY_CHINESE.test(profile.name)) score += 2;
      else if (profile.numeric > 0.5 && !words.includes('id')) score -= 1;
      if (words.some((word) => PART.test(word)))
        score += profile.numeric < 0.5 || words.includes('id') ? 1 : 0;
      if (words.some((word) => KIND.test(word)) || KIND_CHINESE.test(profile.name)) score -= 2;
      if (stamps !== undefined && before > 0.2) {
        const after = repeated(
          stamps.map((stamp, row) => `${String(stamp)}\u0000${String(profile.cells[row])}`),
        );
        score += 3 * (before - after);
      }
      return { profile, score };
    })
    .filter(({ score }) => score >= 1)
    .sort((a, b) => b.score - a.score || b.profile.distinct - a.profile.distinct);
  return scored[0]?.profile;
}

/** Share of the values that stood before. */
function repeated(values: readonly string[]): number {
  return values.length === 0 ? 0 : 1 - new Set(values).size / values.length;
}
