import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';

/**
 * The local broker's native part: the Kafka client kafka-crab-js, one package a platform. Its engines field asks for
 * Node 24, so npm silently leaves it out as an optional dependency on Node 20, on which it works; therefore it is
 * fetched on first use, pinned by version and digest.
 */
const VERSION = '5.0.0';
const INTEGRITY: Readonly<Record<string, string>> = {
  'kafka-crab-js-darwin-x64':
    'sha512-TRyuwJw77lB9BYq+ZsUQSoEcaGrmZWIPtFp8sJaDuJE/OXHRfETB9kLKEJ4sVqE0ul5MM8barxONRsFMUGG4eg==',
  'kafka-crab-js-darwin-arm64':
    'sha512-2ZHBBPit5ARvctmu9OA3LBz+rYATiZw5HK3e6uFs4URWB9jUEaqYzHVxREds8c+l8M98Zb1YTmQVKCFIMaRUlA==',
  'kafka-crab-js-linux-x64-gnu':
    'sha512-V2L/ndJw6MNBijHvgkfUreelkiOAWDjxzLSUP7s9nuXD3a/54QbVyVH1a27nwxhXA6HpCb5MfFC+PuDqg31eTQ==',
  'kafka-crab-js-linux-x64-musl':
    'sha512-5szRgvnzrNsjAN8ItOELFqLa02nAVQJYSYizYx743iDboixVkbIyEzyV+lxOkSC7k6sM0b7KZb+hUXyb3M/BLw==',
  'kafka-crab-js-linux-arm64-gnu':
    'sha512-gPc5BWzgTNZvtWibjsVBzhgLtC1504M5ILfnmPslTzAKg5/E0zIuWu/S+H/gnRri8vGBLvOhDUzrCmnhmXfNjQ==',
  'kafka-crab-js-linux-arm64-musl':
    'sha512-pWIwrPw3+066k1szioYbfQ/32rwyVHwnI69gIQjcZiC4qNrItAKWIQ3wKnyhcUVckh1PhHBLP/6OkpuKaowA/Q==',
};
const INSTALL_TIMEOUT_MS = 180_000;

export interface Platform {
  platform: string;
  arch: string;
  /** the C library, on Linux */
  libc?: 'gnu' | 'musl';
}

export function thisPlatform(): Platform {
  const { platform, arch } = process;
  if (platform !== 'linux') return { platform, arch };
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return { platform, arch, libc: header?.glibcVersionRuntime ? 'gnu' : 'musl' };
}

/** The package that has the broker for a platform. Throws where there is none. */
export function brokerPackage({ platform, arch, libc }: Platform): string {
  const name = ['kafka-crab-js', platform, arch, ...(libc ? [libc] : [])].join('-');
  if (INTEGRITY[name]) return name;
  throw new Error(
    `the local Kafka broker does not exist for ${[platform, arch, libc].filter(Boolean).join(' ')} (it does for Linux and macOS on x64 and arm64; on Windows use WSL2): run a Kafka broker and set RISKWIRE_BROKERS to its address`,
  );
}

export interface PartOptions {
  /** folders to install into; the first that can be written is taken */
  folders?: readonly string[];
  /** told before and after a download */
  progress?: (line: string) => void;
}

/** The file of the broker's native module, downloaded once if it isn't there yet. */
export async function ensureBrokerPart(options: PartOptions = {}): Promise<string> {
  const name = brokerPackage(thisPlatform());
  const folders = options.folders ?? [
    join(packageRoot(), '.parts'),
    join(homedir(), '.cache', 'riskwire', 'parts'),
  ];
  const present =
    installedWithProject(name) ?? folders.map((folder) => installedIn(folder, name)).find(Boolean);
  if (present) return present;
  const folder = await firstWritable(folders);
  return install(name, folder, options.progress ?? (() => {}));
}

function installedWithProject(name: string): string | undefined {
  try {
    return createRequire(join(packageRoot(), 'package.json')).resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function installedIn(folder: string, name: string): string | undefined {
  const home = join(folder, `${name}@${VERSION}`);
  if (!existsSync(join(home, 'node_modules', name, 'package.json'))) return undefined;
  return createRequire(join(home, 'package.json')).resolve(name);
}

async function firstWritable(folders: readonly string[]): Promise<string> {
  const reasons: string[] = [];
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
      return folder;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(`no folder to install the local Kafka broker into: ${reasons.join('; ')}`);
}

/** Installs beside the final place and moves it there at once, so that two starts at a time don't disturb each other. */
async function install(name: string, folder: string, progress: (line: string) => void): Promise<string> {
  const started = Date.now();
  progress(`installing the local Kafka broker (${name}@${VERSION}, 5 MB) into ${folder} …`);
  const temporary = join(folder, `installing-${randomUUID()}`);
  try {
    await mkdir(temporary);
    const dependencies = { [name]: VERSION };
    await writeFile(join(temporary, 'package.json'), JSON.stringify({ private: true, dependencies }));
    await writeFile(
      join(temporary, 'package-lock.json'),
      JSON.stringify({
        lockfileVersion: 3,
        requires: true,
        packages: {
          '': { dependencies },
          [`node_modules/${name}`]: { version: VERSION, integrity: INTEGRITY[name] },
        },
      }),
    );
    await npm(
      ['ci', '--force', '--engine-strict=false', '--ignore-scripts', '--no-audit', '--no-fund'],
      temporary,
    );
    await rename(temporary, join(folder, `${name}@${VERSION}`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another start was first
    });
  } catch (error) {
    throw new Error(
      `the local Kafka broker could not be installed (${(error as Error).message}): let npm reach its registry and try again, or run a Kafka broker of your own and set RISKWIRE_BROKERS`,
      { cause: error },
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  progress(`installed the local Kafka broker in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return installedIn(folder, name)!;
}

/** Runs npm, the one that runs us if there is one, and fails with its last words. */
async function npm(args: string[], cwd: string): Promise<void> {
  const cli = process.env['npm_execpath'];
  const [command, first] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []];
  const child = spawn(command, [...first, ...args, '--loglevel=error'], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: INSTALL_TIMEOUT_MS,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  });
  if (code !== 0) throw new Error(`npm ${args[0]} ended with ${code}: ${said.trim().replaceAll('\n', ' ')}`);
}
