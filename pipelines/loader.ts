import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Compile } from 'typebox/compile';
import type { FeatureSpec, NumberSpec } from '../detection/features/spec.js';
import type { DetectorSettings } from '../detection/model/detector-settings.js';
import type { LabelSettings } from '../detection/second-stage/second-stage.js';
import { type AvroField, fieldFaults, readerFields } from './avro-fields.js';
import { PipelineDefinition } from './definition.js';
import { DefinitionError, type Fault, readYaml } from './yaml-faults.js';

/** A pipeline ready to run: its definition with defaults filled in and durations in ms. */
export interface Pipeline {
  readonly name: string;
  readonly title: { readonly en: string; readonly zh: string };
  readonly topic: string;
  readonly schemaName: string;
  /** the reader schema, as JSON */
  readonly schema: unknown;
  readonly entity: string;
  readonly eventId: string | undefined;
  readonly time: string;
  readonly timeZone: { readonly field?: string; readonly fixed?: string };
  readonly domain: { readonly field?: string; readonly fixed?: string };
  /** ms behind the newest event of its partition at which an event is dropped by rule */
  readonly late: number;
  /** ms ahead of its message's timestamp at which an event becomes a dead letter */
  readonly ahead: number;
  readonly context: readonly string[];
  readonly features: FeatureSpec;
  readonly detectors: DetectorSettings;
  /** constants of the exponential means of an entity's scores */
  readonly smoothing: readonly number[];
  /** how confirmed labels are used; undefined: they aren't */
  readonly labels?: LabelSettings | undefined;
  readonly budget: number;
  /** ms without a risk after which an incident closes */
  readonly quiet: number;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** '15m' → 900000. The text has passed the definition's pattern. */
export function durationMs(text: string): number {
  const match = /^([0-9.]+)(ms|s|m|h|d)$/.exec(text);
  if (match === null)
    throw new RangeError(`'${text}' is not a duration; write a number and a unit, such as 30s, 15m, 1h, 7d`);
  return Number(match[1]) * UNITS[match[2]!]!;
}

const validator = Compile(PipelineDefinition);

/**
 * Checks one definition against the schema of definitions and against the Avro schema that it names.
 * @throws DefinitionError with every fault and its line
 */
export function parsePipeline(
  file: string,
  text: string,
  schemaText: (name: string) => string | undefined,
): Pipeline {
  const yaml = readYaml(file, text);
  const faults: Fault[] = [];
  const fault = (path: readonly (string | number)[], message: string) => {
    faults.push({ line: yaml.lineOf(path), path: path.join('.'), message });
  };
  if (!validator.Check(yaml.value)) {
    for (const error of validator.Errors(yaml.value)) {
      // 'boolean' repeats, without a name, what 'additionalProperties' says
      if (error.keyword === 'boolean') continue;
      const path = error.instancePath
        .split('/')
        .slice(1)
        .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
      const params = error.params as {
        additionalProperties?: string[];
        pattern?: unknown;
        requiredProperties?: string[];
      };
      if (params.additionalProperties !== undefined) {
        for (const name of params.additionalProperties)
          fault([...path, name], `'${name}' is not known here; check the spelling or remove it`);
      } else fault(path, `${error.message}${describeValue(yaml.value, path)}`);
    }
    if (faults.length === 0) fault([], 'does not fit the schema of pipeline definitions');
    throw new DefinitionError(file, faults);
  }
  const definition: PipelineDefinition = yaml.value;
  const schema = schemaText(definition.schema);
  if (schema === undefined) {
    fault(
      ['schema'],
      `no schema '${definition.schema}' in the schemas folder; add ${definition.schema}.avsc or name one that is there`,
    );
    throw new DefinitionError(file, faults);
  }
  const parsed = parseJson(schema);
  const fields = readerFields(parsed);
  if (fields === undefined) {
    fault(
      ['schema'],
      `schema '${definition.schema}' is not an Avro record; the events of a pipeline are records`,
    );
    throw new DefinitionError(file, faults);
  }
  checkFields(definition, fields, fault);
  if (faults.length > 0) throw new DefinitionError(file, faults);

  const numbers: NumberSpec[] = (definition.features.numbers ?? []).flatMap(({ fields: names, ...rest }) =>
    names.map((field) => ({ ...rest, field })),
  );
  return {
    name: definition.name,
    title: { en: definition.title.en, zh: definition.title.zh ?? definition.title.en },
    topic: definition.topic,
    schemaName: definition.schema,
    schema: parsed,
    entity: definition.entity,
    eventId: definition.eventId,
    time: definition.time,
    timeZone: definition.timeZone ?? { fixed: 'UTC' },
    domain: definition.domain ?? { fixed: 'all' },
    late: durationMs(definition.late ?? '1d'),
    ahead: durationMs(definition.ahead ?? '10m'),
    context: definition.context ?? [],
    features: {
      numbers,
      categories: definition.features.categories ?? [],
      calendar: definition.features.calendar ?? false,
      gap: definition.features.gap ?? false,
      activity: (definition.features.activity ?? [])
        .map((text) => durationMs(text) / 1000)
        .sort((a, b) => a - b),
    },
    detectors: detectorSettings(definition.detectors),
    smoothing: definition.judging.smoothing ?? [1],
    labels: labelSettings(definition),
    budget: definition.judging.budget,
    quiet: durationMs(definition.judging.quiet),
  };
}

function detectorSettings({
  autoencoder,
  sequence,
  margins,
  stuck,
  memory,
  checks,
}: PipelineDefinition['detectors']): DetectorSettings {
  const hidden = autoencoder?.hidden as [number, number] | undefined;
  return {
    ...(autoencoder && { autoencoder: { window: autoencoder.window ?? 1, ...(hidden && { hidden }) } }),
    ...(sequence && { sequence: { hidden: sequence.hidden ?? 32, ...(sequence.lags === 1 && { lags: 1 }) } }),
    ...(margins && { margins: margins.side === 'high' ? { side: 'high' } : {} }),
    ...(stuck && { stuck: {} }),
    ...(memory && { memory: { size: memory.size ?? 'small' } }),
    ...(checks && { checks: { intervalSeconds: durationMs(checks.interval ?? '1m') / 1000 } }),
  };
}

function labelSettings({ labels, secondary, late }: PipelineDefinition): LabelSettings | undefined {
  if (labels === undefined) return undefined;
  return {
    secondary: (secondary ?? []).map(({ field }) => field),
    delay: durationMs(labels.delay ?? '7d') / 1000,
    window: durationMs(labels.window ?? '1d') / 1000,
    late: durationMs(late ?? '1d') / 1000,
    spells: labels.spells === undefined ? {} : { days: labels.spells },
    hold: labels.hold ?? 8192,
  };
}

function describeValue(root: unknown, path: readonly (string | number)[]): string {
  let value: unknown = root;
  for (const part of path) value = (value as Record<string | number, unknown> | undefined)?.[part];
  return value === undefined || typeof value === 'object' ? '' : ` (it is ${JSON.stringify(value)})`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function checkFields(
  definition: PipelineDefinition,
  fields: ReadonlyMap<string, AvroField>,
  fault: (path: (string | number)[], message: string) => void,
): void {
  const check = (path: (string | number)[], name: string, wanted: 'time' | 'number' | 'text' | 'any') => {
    const message = fieldFaults(fields, name, wanted);
    if (message !== undefined) fault(path, message);
  };
  check(['entity'], definition.entity, 'text');
  check(['time'], definition.time, 'time');
  if (definition.eventId !== undefined) check(['eventId'], definition.eventId, 'text');
  const { timeZone, domain } = definition;
  if (timeZone !== undefined && 'field' in timeZone) check(['timeZone', 'field'], timeZone.field, 'text');
  if (timeZone !== undefined && 'fixed' in timeZone && !knownZone(timeZone.fixed)) {
    fault(
      ['timeZone', 'fixed'],
      `'${timeZone.fixed}' is not a time zone; use an IANA name such as Europe/Berlin or Asia/Shanghai`,
    );
  }
  if (domain !== undefined && 'field' in domain) check(['domain', 'field'], domain.field, 'text');
  (definition.context ?? []).forEach((name, i) => {
    check(['context', i], name, 'any');
  });
  const seen = new Set<string>();
  (definition.features.numbers ?? []).forEach((group, i) => {
    group.fields.forEach((name, j) => {
      check(['features', 'numbers', i, 'fields', j], name, 'number');
      if (seen.has(name))
        fault(['features', 'numbers', i, 'fields', j], `'${name}' is declared twice; keep one`);
      seen.add(name);
    });
    if (typeof group.unit === 'object')
      check(['features', 'numbers', i, 'unit', 'field'], group.unit.field, 'text');
  });
  (definition.features.categories ?? []).forEach((name, i) => {
    check(['features', 'categories', i], name, 'text');
  });
  (definition.secondary ?? []).forEach(({ field }, i) => {
    if (!definition.features.categories?.includes(field))
      fault(
        ['secondary', i, 'field'],
        `'${field}' is not among features.categories; add it there, or remove it here`,
      );
  });
  const window = definition.labels?.window ?? '1d';
  if (definition.labels !== undefined && durationMs(window) < durationMs(definition.late ?? '1d'))
    fault(
      ['labels', 'window'],
      `a window of ${window} is shorter than events may be late (${definition.late ?? '1d'}); make it at least as long`,
    );
  const { features } = definition;
  if (
    !features.numbers?.length &&
    !features.categories?.length &&
    !features.calendar &&
    !features.gap &&
    !features.activity?.length
  ) {
    fault(
      ['features'],
      'declares nothing; name at least one of numbers, categories, calendar, gap, activity',
    );
  }
}

function knownZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Loads the definitions of a folder: every `<name>/pipeline.yaml` and every `<name>.yaml` in it.
 * @param only names to load; undefined loads all
 * @throws DefinitionError for the first file with faults; Error for a name that is not there
 */
export async function loadPipelines(
  folder: string,
  schemasFolder: string,
  only?: readonly string[],
): Promise<Pipeline[]> {
  const schemas = new Map<string, string>();
  for (const entry of await readdir(schemasFolder)) {
    if (entry.endsWith('.avsc'))
      schemas.set(basename(entry, '.avsc'), await readFile(join(schemasFolder, entry), 'utf8'));
  }
  const pipelines: Pipeline[] = [];
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const file = entry.isDirectory()
      ? join(folder, entry.name, 'pipeline.yaml')
      : /\.ya?ml$/.test(entry.name)
        ? join(folder, entry.name)
        : undefined;
    if (file === undefined) continue;
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text !== undefined) pipelines.push(parsePipeline(file, text, (name) => schemas.get(name)));
  }
  const names = pipelines.map((pipeline) => pipeline.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(`two pipelines in ${folder} are named '${twice}'; names must differ`);
  if (only === undefined) return pipelines;
  const missing = only.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new Error(
      `no pipeline ${missing.map((n) => `'${n}'`).join(', ')} in ${folder}; there are: ${names.join(', ') || 'none'}`,
    );
  return pipelines.filter((pipeline) => only.includes(pipeline.name));
}
