import Type, { type Static, type TObject, type TSchema } from 'typebox';
import Value from 'typebox/value';
import { parseDuration } from './duration.js';

/** Wrong configuration. The message lists every fault: variable, value, remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  }
}

/** What the helpers below add to a property's JSON schema. */
interface Meaning {
  /** how the text is read */
  reads?: 'duration' | 'list' | 'url';
  /** its value is never printed */
  secret?: boolean;
  /** what a right value is, for the message */
  expects?: string;
}

type Extra = Meaning & { default?: unknown; description?: string };

/** Milliseconds from a text such as 60s. */
export const duration = (fallback: string, extra: Extra = {}) =>
  Type.Number({
    reads: 'duration',
    minimum: 0,
    default: parseDuration(fallback),
    expects: 'a duration such as 500ms, 30s, 15m or 1h',
    ...extra,
  });

/** Texts from a comma-separated list. */
export const list = (fallback: string[], extra: Extra & { minItems?: number; each?: string } = {}) => {
  const { each, ...rest } = extra;
  return Type.Array(Type.String(each === undefined ? {} : { pattern: each }), {
    reads: 'list',
    default: fallback,
    expects: 'a comma-separated list',
    ...rest,
  });
};

/** An http or https address. */
export const url = (fallback: string, extra: Extra = {}) =>
  Type.String({
    reads: 'url',
    default: fallback,
    expects: 'an address such as http://127.0.0.1:8123',
    ...extra,
  });

/** A text whose value is never printed. */
export const secret = (fallback: string, extra: Extra & { minLength?: number } = {}) =>
  Type.String({ secret: true, default: fallback, ...extra });

export interface ConfigExtras<T> {
  /** before each variable's name. Default RISKWIRE_ */
  prefix?: string;
  /** faults that only several values together show */
  check?: (config: T) => string[];
}

/**
 * Reads a service's configuration from environment variables: property `clickhouseUrl` is RISKWIRE_CLICKHOUSE_URL. An
 * empty variable counts as not set. Throws one ConfigError that lists everything that is wrong.
 */
export function readConfig<S extends TObject>(
  schema: S,
  env: NodeJS.ProcessEnv,
  extras: ConfigExtras<Static<S>> = {},
): Static<S> {
  const { prefix = 'RISKWIRE_', check } = extras;
  const faults: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [property, one] of Object.entries(schema.properties as Record<string, TSchema & Extra>)) {
    const variable = variableName(property, prefix);
    const text = env[variable]?.trim();
    if (text === undefined || text === '') {
      if (one.default !== undefined) config[property] = one.default;
      else if (isRequired(schema, property))
        faults.push(`${variable} is not set: set it to ${expectation(one)}`);
      continue;
    }
    const value = convert(text, one);
    if (value === undefined || !Value.Check(one, value)) {
      const shown = one.secret ? 'set to a value that can’t be used (it is not shown)' : JSON.stringify(text);
      faults.push(`${variable} is ${shown}: set it to ${expectation(one)}`);
    } else config[property] = value;
  }
  if (faults.length === 0 && check) faults.push(...check(config as Static<S>));
  if (faults.length > 0) throw new ConfigError(faults);
  return config as Static<S>;
}

/** clickhouseUrl → RISKWIRE_CLICKHOUSE_URL */
export function variableName(property: string, prefix = 'RISKWIRE_'): string {
  return prefix + property.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

function isRequired(schema: TObject, property: string): boolean {
  return (schema as { required?: readonly string[] }).required?.includes(property) ?? false;
}

/** undefined when the text can't be read as what the schema wants. */
function convert(text: string, schema: TSchema & Extra): unknown {
  if (schema.reads === 'duration') return attempt(() => parseDuration(text));
  if (schema.reads === 'list')
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  if (schema.reads === 'url')
    return attempt(() => /^https?:$/.test(new URL(text).protocol)) ? text : undefined;
  switch ((schema as { type?: string }).type) {
    case 'number':
    case 'integer':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case 'boolean':
      return { true: true, yes: true, on: true, '1': true, false: false, no: false, off: false, '0': false }[
        text.toLowerCase()
      ];
    default:
      return text;
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function expectation(schema: TSchema & Extra): string {
  const {
    type,
    minimum,
    maximum,
    anyOf,
    enum: listed,
    pattern,
    minLength,
  } = schema as Record<string, unknown> & { anyOf?: { const?: unknown }[]; enum?: unknown[] };
  const choices = listed ?? anyOf?.map((branch) => branch.const);
  const what = [
    schema.expects,
    choices && `one of ${choices.join(', ')}`,
    type === 'boolean' && 'true or false',
    (type === 'integer' || type === 'number') &&
      `${type === 'integer' ? 'a whole number' : 'a number'}${range(minimum, maximum)}`,
    pattern !== undefined && `a text that matches ${pattern}`,
    minLength !== undefined && 'a text that isn’t empty',
    'a text',
  ].find((one): one is string => typeof one === 'string');
  return schema.description ? `${what} (${schema.description})` : String(what);
}

function range(minimum: unknown, maximum: unknown): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return maximum !== undefined ? ` of at most ${maximum}` : '';
}
