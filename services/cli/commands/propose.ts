import { access, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import Type, { type Static } from 'typebox';
import { duration, list, readConfig, secret, url } from '../../../lib/config.js';
import { packageRoot } from '../../../lib/paths.js';
import { CommandFailed, UsageError } from '../exit.js';
import { whole } from '../option-values.js';
import type { SampleEvent } from '../propose/propose.js';
import { documentedTopic } from '../propose/schema-fields.js';
import { environmentFrom, examples, withSettings } from '../settings.js';
import { openTopics } from '../topic-access.js';

const ProposeConfig = Type.Object({
  brokers: list(['127.0.0.1:9092'], {
    minItems: 1,
    each: '^[^\\s:]+:\\d+$',
    expects: 'host:port, comma-separated',
  }),
  registryUrl: url(''),
  registryUser: Type.String({ default: '' }),
  registryPassword: secret(''),
  schemasDir: Type.String({ default: join(packageRoot(), 'schemas') }),
  startupTimeout: duration('60s'),
});
type ProposeConfig = Static<typeof ProposeConfig>;

interface Options {
  topic?: string;
  schema?: string;
  name?: string;
  sample: number;
  out?: string;
}

export function proposeCommand(): Command {
  const command = new Command('propose')
    .description('write a commented pipeline definition from an Avro schema and a sample of its topic')
    .option(
      '--topic <name>',
      "look at this topic's events; the schema comes from the registry unless --schema names it",
    )
    .option('--schema <file>', 'the Avro schema, an .avsc file')
    .option('--name <name>', 'of the pipeline (default: from the topic or the schema)')
    .option('--sample <count>', 'events to look at', whole(1), 5000)
    .option('--out <file>', 'write there instead of to the terminal');
  withSettings(command, ProposeConfig);
  examples(command, [
    'riskwire propose --topic orders --registry http://registry:8081 --out pipelines/orders.yaml',
    'riskwire propose --schema schemas/payment.avsc',
  ]);
  return command.action((options: Options) => run(options, environmentFrom(command, process.env)));
}

interface Found {
  readonly schema: unknown;
  readonly name: string;
  readonly sample: readonly SampleEvent[];
  readonly undecodable: number;
}

async function run(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(ProposeConfig, env);
  if (options.topic === undefined && options.schema === undefined)
    throw new UsageError('name a topic (--topic), a schema (--schema), or both');
  const given = options.schema === undefined ? undefined : await schemaFile(options.schema);
  const found =
    options.topic === undefined
      ? { ...given!, sample: [], undecodable: 0 }
      : await fromTopic(options.topic, given, options.sample, config);
  const [{ propose }, { definitionText }, { parsePipeline }] = await Promise.all([
    import('../propose/propose.js'),
    import('../propose/definition-text.js'),
    import('../../../pipelines/loader.js'),
  ]);
  const proposal = propose({
    schema: found.schema,
    schemaName: found.name,
    topic: options.topic ?? documentedTopic(found.schema) ?? found.name,
    name: nameOf(options.name ?? options.topic ?? documentedTopic(found.schema) ?? found.name),
    sample: found.sample,
  });
  const text = definitionText(proposal);
  // The loader's own checks: what is proposed is a definition that runs.
  parsePipeline(options.out ?? 'the proposal', text, (name) =>
    name === found.name ? JSON.stringify(found.schema) : undefined,
  );
  if (found.undecodable > 0)
    process.stderr.write(
      `propose: ${found.undecodable} events of the sample could not be decoded and were passed over\n`,
    );
  if (options.out === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeFile(options.out, text);
  process.stderr.write(`→ ${options.out}\n`);
  const own = join(config.schemasDir, `${found.name}.avsc`);
  if (await exists(own)) return;
  const beside = join(dirname(options.out), `${found.name}.avsc`);
  await writeFile(beside, `${JSON.stringify(found.schema, null, 2)}\n`);
  process.stderr.write(`→ ${beside}: the schema; put it into the schemas folder (${config.schemasDir})\n`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function schemaFile(path: string): Promise<{ schema: unknown; name: string }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--schema ${path} can't be read (${error.code ?? 'unknown'}); give an .avsc file`, {
      cause: error,
    });
  });
  return { schema: parsed(text, `--schema ${path}`), name: basename(path).replace(/\.(avsc|json)$/, '') };
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`${what} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** A pipeline's name from a topic's: lower case, digits and dashes. */
function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  return name === '' ? 'events' : name;
}

async function fromTopic(
  topic: string,
  given: { schema: unknown; name: string } | undefined,
  most: number,
  config: ProposeConfig,
): Promise<Found> {
  const { rawSample, decodeSample } = await import('../propose/topic-sample.js');
  const { kafka, registry, source } = await openTopics('propose', config);
  const raw = await rawSample(kafka, topic, most);
  const schema =
    given ?? (await registered(topic, registry)) ?? (await bySchemasFolder(raw, config.schemasDir));
  if (schema === undefined)
    throw new CommandFailed(
      `no schema was found for the topic '${topic}': ${registry ? `the registry has no subject ${topic}-value` : 'no registry is named (--registry)'} and none in ${config.schemasDir} has its events' fingerprint; give it with --schema`,
    );
  return {
    ...schema,
    ...(await decodeSample(raw, schema.schema, source)),
  };
}

async function registered(
  topic: string,
  registry: InstanceType<typeof import('../../../lib/registry.js').RegistryClient> | undefined,
): Promise<{ schema: unknown; name: string } | undefined> {
  const latest = await registry?.latest(`${topic}-value`);
  if (latest === undefined || (latest.schemaType ?? 'AVRO') !== 'AVRO') return undefined;
  const schema = parsed(latest.schema, `the registry's schema ${topic}-value`);
  const { name } = schema as { name?: unknown };
  return { schema, name: typeof name === 'string' ? kebab(name) : topic };
}

/** WaterReading → water-reading, as schemas are named in the folder. */
function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-');
}

/** Of events in single-object encoding: the schema in the folder that has their fingerprint. */
async function bySchemasFolder(
  raw: readonly { readonly value: Buffer }[],
  folder: string,
): Promise<{ schema: unknown; name: string } | undefined> {
  const [{ readSchemaFolder }, { framingOf }] = await Promise.all([
    import('../../../lib/avro.js'),
    import('../../../lib/avro-framing.js'),
  ]);
  const schemas = readSchemaFolder(folder);
  for (const { value } of raw) {
    const framing = framingOf(value);
    const found = framing?.kind === 'singleObject' ? schemas.get(framing.fingerprint) : undefined;
    if (found !== undefined) return { schema: found.schema, name: basename(found.file, '.avsc') };
  }
  return undefined;
}
