import { formatCount } from '../format.js';
import { describeReading } from '../guess/times.js';
import type { TryResult } from './run.js';
import type { Words } from './words.js';

/** What was guessed, as rows of a table: what it is about, and what it was taken for. */
export function guessesOf(
  result: TryResult,
  words: Words,
): { readonly role: string; readonly text: string }[] {
  const { file, roles, pace, made, table, trainRows, budget, budgetGiven, scoredDays } = result;
  const rows: { role: string; text: string }[] = [];
  const add = (role: keyof Words['roles'], ...parts: (string | undefined | false)[]) =>
    rows.push({ role: words.roles[role], text: parts.filter(Boolean).join(', ') });

  add(
    'file',
    file.format === 'csv' ? `CSV '${file.separator === '\t' ? '\\t' : file.separator}'` : file.format,
    file.encoding?.toUpperCase(),
    file.gzip && 'gzip',
    file.header === false && words.headerless,
    roles.numbers.some(({ decimal }) => decimal === ',') && words.decimalComma,
  );
  const { time, zone, zoneColumn } = roles;
  if (time?.time === undefined) add('time', words.noTime);
  else {
    const reading = time.time;
    add(
      'time',
      roles.clock === undefined ? time.name : `${time.name} + ${roles.clock.name}`,
      describeReading(reading),
      pace.regular && Number.isFinite(pace.gap) ? words.every(duration(pace.gap)) : words.irregular,
      !table.sorted && words.sortedHere,
    );
    const without = zoneColumn === undefined ? zone : zoneColumn.name;
    if (reading.local || zoneColumn !== undefined || zone !== 'UTC')
      add('zone', reading.offsets ? words.mixedOffsets(without) : words.localIn(without));
  }
  if (roles.key === undefined) add('key', words.noKey);
  else add('key', roles.key.name, words.keys(formatCount(table.entities())));
  if (roles.secondaryKey !== undefined) add('secondary', roles.secondaryKey.name);
  if (roles.numbers.length > 0)
    add(
      'numbers',
      ...listed(
        roles.numbers.map(({ name }) => name),
        words,
      ),
    );
  if (roles.categories.length > 0)
    add(
      'categories',
      ...listed(
        roles.categories.map(({ name, distinct }) => `${name} (${distinct})`),
        words,
      ),
    );
  if (roles.label !== undefined) add('label', roles.label.name);
  for (const { name, why } of roles.left.slice(0, 8)) add('left', `${name}: ${words.leftOut[why]}`);
  if (roles.left.length > 8) add('left', words.more(String(roles.left.length - 8)));
  add('kind', words.kinds[made.kind]);
  add('detectors', Object.keys(made.pipeline.detectors).join(', '));
  for (const choice of made.why) add('detectors', words.choices[choice]);
  const days = Number(scoredDays.toPrecision(3)).toString();
  add('split', words.split(formatCount(trainRows), formatCount(table.rows - trainRows), days));
  add('budget', budgetGiven ? words.budgetGiven(String(budget)) : words.budgetMade(String(budget), days));
  if (table.bad > 0) add('bad', words.badOf(formatCount(table.bad), formatCount(table.read)));
  return rows;
}

const LISTED = 12;

function listed(names: readonly string[], words: Words): string[] {
  return names.length <= LISTED
    ? [...names]
    : [...names.slice(0, LISTED), words.more(String(names.length - LISTED))];
}

export function duration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  for (const [size, unit] of units)
    if (seconds >= size) return `${Number((seconds / size).toPrecision(3))} ${unit}`;
  return `${Number((seconds * 1000).toPrecision(3))} ms`;
}
