import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../lib/paths.js';
import { within } from '../../lib/retry.js';

const bin = join(packageRoot(), 'bin', 'riskwire.mjs');
const COMMAND_MS = 60_000;
const START_MS = 90_000;

interface Addresses {
  readonly brokers: string;
  readonly clickhouseUrl: string;
  readonly registryUrl: string;
}

describe('commands against the local stack that `riskwire local` starts', () => {
  let local: ChildProcess;
  let env: NodeJS.ProcessEnv;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'riskwire-cli-'));
    const free = {
      RISKWIRE_BROKERS: '127.0.0.1:0',
      RISKWIRE_CLICKHOUSE_URL: 'http://127.0.0.1:0',
      RISKWIRE_REGISTRY_URL: 'http://127.0.0.1:0',
    };
    local = spawn(process.execPath, [bin, 'local', '--json'], {
      env: { ...process.env, ...free },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const addresses = await within(
      new Promise<Addresses>((resolve, reject) => {
        createInterface({ input: local.stdout! }).once('line', (line) =>
          resolve(JSON.parse(line) as Addresses),
        );
        local.once('exit', (code) => reject(new Error(`riskwire local ended with ${code}`)));
      }),
      START_MS,
      () => new Error('riskwire local was not up in time'),
    );
    env = {
      ...process.env,
      RISKWIRE_BROKERS: addresses.brokers,
      RISKWIRE_CLICKHOUSE_URL: addresses.clickhouseUrl,
      RISKWIRE_REGISTRY_URL: addresses.registryUrl,
    };
  }, START_MS);

  afterAll(async () => {
    const ended = new Promise((resolve) => local.once('exit', resolve));
    local.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  /** The JSON that a command prints. */
  async function json<T>(...args: string[]): Promise<T> {
    const stdout = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, [bin, ...args, '--json'], { env, timeout: COMMAND_MS }, (error, out, err) =>
        error ? reject(new Error(`${error.message}\n${err}`)) : resolve(out),
      );
    });
    return JSON.parse(stdout) as T;
  }

  test('migrate applies every migration once', async () => {
    type Migrated = { applied: string[]; migrations: { name: string; state: string }[] };
    const before = await json<Migrated>('migrate', '--status');
    expect(before.applied).toEqual([]);
    expect(new Set(before.migrations.map(({ state }) => state))).toEqual(new Set(['pending']));
    const first = await json<Migrated>('migrate');
    expect(first.applied).toEqual(before.migrations.map(({ name }) => name));
    const second = await json<Migrated>('migrate');
    expect(second.applied).toEqual([]);
    expect(new Set(second.migrations.map(({ state }) => state))).toEqual(new Set(['applied']));
  });

  test('produce fills the topics and writes the truth apart; topics says what is in them', async () => {
    type Topics = { topics: { topic: string; kind: string; partitions: number; records: number }[] };
    const truth = join(folder, 'truth');
    const produced = await json<{ events: number; perPipeline: Record<string, { events: number }> }>(
      ...[
        'produce',
        '--pipeline',
        'agriculture,production',
        '--events',
        '300',
        '--no-wait',
        '--truth',
        truth,
      ],
    );
    expect(produced.events).toBe(600);
    expect(Object.keys(produced.perPipeline).sort()).toEqual(['agriculture', 'production']);
    expect(() => readFileSync(join(truth, 'agriculture.truth.jsonl'))).not.toThrow();

    const { topics } = await json<Topics>('topics', '--create', '--partitions', '3');
    const of = (name: string) => topics.find(({ topic }) => topic === name);
    expect(of('agriculture')).toMatchObject({ kind: 'input', records: 300 });
    expect(of('production')).toMatchObject({ kind: 'input', records: 300 });
    expect(of('riskwire.risks')).toMatchObject({ kind: 'log', partitions: 3, records: 0 });
    // a state follows its input topic
    expect(of('riskwire.state.agriculture')).toMatchObject({
      kind: 'table',
      partitions: of('agriculture')?.partitions,
    });
  });

  test('train learns from what lies in a topic', async () => {
    const models = join(folder, 'models');
    const report = await json<{ pipeline: string; events: number; folder: string }>(
      ...['train', '--pipeline', 'agriculture', '--models', models, '--backend', 'wasm'],
    );
    expect(report).toMatchObject({
      pipeline: 'agriculture',
      events: 300,
      folder: join(models, 'agriculture'),
    });
    expect(JSON.parse(readFileSync(join(report.folder, 'manifest.json'), 'utf8'))).toMatchObject({
      pipeline: 'agriculture',
    });
  }, 180_000);
});
