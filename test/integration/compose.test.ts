import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readConfig } from '../../lib/config.js';
import { packageRoot } from '../../lib/paths.js';
import { readAlertApiConfig } from '../../services/alert-api/config.js';
import { clickhouseConfig, kafkaConfig } from '../../services/cli/tool-config.js';
import { readProducerConfig } from '../../services/producer/config.js';
import { scorerConfig } from '../../services/scorer/config.js';
import { readSinkConfig } from '../../services/sink/config.js';

interface Service {
  image?: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { disable?: boolean; test?: string[] };
  ports?: string[];
  volumes?: string[];
  cap_drop?: string[];
  read_only?: boolean;
  user?: string;
  restart?: string;
}

const root = packageRoot();
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const file = parse(text, { merge: true }) as { services: Record<string, Service> };
const services = Object.entries(file.services);
const own = services.filter(([, service]) => service.image?.startsWith('riskwire:'));

/** A filled-in .env: what .env.example asks for. */
const example = readFileSync(join(root, '.env.example'), 'utf8');
const filled: Record<string, string> = Object.fromEntries(
  [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => [name, 'f'.repeat(24)]),
);
filled['RISKWIRE_SECRET_KEY'] = Buffer.alloc(32, 7).toString('base64');
filled['RISKWIRE_BOOTSTRAP_KEY'] = `rw_admin_${'f'.repeat(48)}`;

/** ${NAME:?message} and ${NAME:-default}, the two forms that the file uses. */
function interpolate(value: string): string {
  return value.replace(
    /\$\{([A-Z_]+)(?::([?-])([^}]*))?\}/g,
    (_all, name: string, operator?: string, rest?: string) => {
      const found = filled[name];
      if (found) return found;
      if (operator === '-') return rest ?? '';
      throw new Error(`${name} is not in .env.example`);
    },
  );
}

const CONFIGURATIONS: Record<string, (env: NodeJS.ProcessEnv) => unknown> = {
  topics: kafkaConfig,
  migrate: clickhouseConfig,
  scorer: (env) => readConfig(scorerConfig(), env),
  sink: readSinkConfig,
  'alert-api': readAlertApiConfig,
  produce: readProducerConfig,
};

test('the services that the product consists of are there', () => {
  expect(own.map(([name]) => name).sort()).toEqual([
    'alert-api',
    'migrate',
    'producer',
    'scorer',
    'sink',
    'topics',
  ]);
  expect(Object.keys(file.services)).toEqual(
    expect.arrayContaining(['kafka', 'clickhouse', 'registry', 'prometheus', 'grafana']),
  );
});

describe.each(own)('%s', (_name, service) => {
  const [command = '', ...args] = service.command ?? [];

  test('has a command line that the CLI takes', () => {
    const riskwire = (...line: string[]) =>
      spawnSync(process.execPath, [join(root, 'bin', 'riskwire.mjs'), ...line], { encoding: 'utf8' });
    const help = riskwire(command, ...args, '--help');
    expect([help.status, help.stdout.includes(`riskwire ${command}`)]).toEqual([0, true]);
    for (const option of args.filter((arg) => arg.startsWith('--'))) expect(help.stdout).toContain(option);
  });

  test('has only variables that its configuration knows, with values that it takes', () => {
    const given = Object.fromEntries(
      Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolate(value)]),
    );
    const read = new Set<string>();
    const env = new Proxy(given, {
      get(target, name: string) {
        read.add(name);
        return target[name];
      },
    });
    const configure = CONFIGURATIONS[command];
    expect([command, typeof configure]).toEqual([command, 'function']);
    configure?.(env);
    expect(Object.keys(given).filter((name) => !read.has(name))).toEqual([]);
  });

  test('runs without rights, on a file system that it can not change', () => {
    expect(service).toMatchObject({ user: 'node', read_only: true, cap_drop: ['ALL'] });
  });
});

test.each(services)(
  '%s is pinned, restarts as it should, drops capabilities and publishes to this machine alone',
  (_name, service) => {
    expect(service.image).toMatch(/:(?!latest$)[^:]+$/);
    expect(service.restart).toMatch(/^(unless-stopped|on-failure:\d+)$/);
    expect(service.cap_drop).toEqual(['ALL']);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  },
);

test('who waits for a healthy service waits for one that says so', () => {
  for (const [, service] of services) {
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      const found = file.services[needed];
      // our own image carries its health check
      const says = found?.healthcheck?.disable
        ? false
        : found?.healthcheck?.test !== undefined || found?.image?.startsWith('riskwire:');
      expect([needed, condition === 'service_healthy' ? says : found !== undefined]).toEqual([needed, true]);
    }
  }
});

test('every file that is mounted is in the repository', () => {
  const mounted = services
    .flatMap(([, { volumes = [] }]) => volumes)
    .filter((volume) => volume.startsWith('./'));
  expect(mounted.length).toBeGreaterThan(3);
  for (const path of mounted.map((volume) => volume.split(':')[0] ?? ''))
    expect([path, existsSync(join(root, path))]).toEqual([path, true]);
});

test('no password has a default', () => {
  for (const [, name = '', operator] of text.matchAll(/\$\{([A-Z_]*(?:PASSWORD|_KEY))(?::(.))?/g))
    expect([name, operator]).toEqual([name, '?']);
});

test('everything that the image copies exists and is not ignored', () => {
  const copied = [
    ...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm),
  ].flatMap(([, paths = '']) => paths.split(' '));
  const kept = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  expect(copied.length).toBeGreaterThan(10);
  for (const path of copied) {
    expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    expect([path, kept.some((one) => path === one || path.startsWith(`${one}/`))]).toEqual([path, true]);
  }
});

describe("the compose specification's own parser", () => {
  const hasGo = spawnSync('go', ['version']).status === 0;
  const withGo = hasGo || process.env['CI'] === 'true' ? test : test.skip;
  const title = hasGo ? '' : ' (skipped: go is not on PATH)';
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'riskwire-compose-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const build = () => {
    const parser = join(folder, 'compose-check');
    execFileSync('go', ['build', '-o', parser, '.'], {
      cwd: join(root, 'deploy', 'compose-check'),
      encoding: 'utf8',
    });
    return parser;
  };

  withGo(
    `takes the file, and finds what is missing in .env${title}`,
    () => {
      const parser = build();
      const base = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
      const complete = spawnSync(parser, ['docker-compose.yml'], {
        cwd: root,
        env: { ...base, ...filled },
        encoding: 'utf8',
      });
      expect([complete.status, complete.stderr]).toEqual([0, '']);
      const resolved = JSON.parse(complete.stdout) as { services: Record<string, Service> };
      expect(Object.keys(resolved.services).sort()).toEqual(Object.keys(file.services).sort());
      for (const [name, { environment = {} }] of own) {
        const expected = Object.fromEntries(
          Object.entries(environment).map(([variable, value]) => [variable, interpolate(value)]),
        );
        expect([name, resolved.services[name]?.environment]).toEqual([name, expected]);
      }

      const incomplete = spawnSync(parser, ['docker-compose.yml'], {
        cwd: root,
        env: base,
        encoding: 'utf8',
      });
      expect(incomplete.status).toBe(1);
      for (const name of Object.keys(filled))
        expect(incomplete.stderr).toContain(`required variable ${name} is missing a value`);
    },
    180_000,
  );
});
