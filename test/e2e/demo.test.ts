import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/paths.js';
import { retry } from '../../lib/retry.js';

const RUN_MS = 180_000;
const START_MS = 90_000;
const STOP_MS = 10_000;

interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  stdout(): string;
  stderr(): string;
}

const running = new Set<ChildProcess>();

function startDemo(args: readonly string[]): Demo {
  const child = spawn(process.execPath, [join(packageRoot(), 'bin', 'riskwire.mjs'), 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    });
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Every process below this one, by its parent's number in /proc. */
function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch (error) {
      // it ended while we looked
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  const found: number[] = [];
  for (let level = [pid]; level.length > 0; ) {
    level = [...parents].filter(([, parent]) => level.includes(parent)).map(([child]) => child);
    found.push(...level);
  }
  return found;
}

function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function allGone(pids: readonly number[], timeoutMs: number): Promise<void> {
  await retry(
    async () => {
      const left = pids.filter(alive);
      if (left.length > 0) throw new Error(`processes ${left.join(', ')} are left`);
    },
    { timeoutMs, initialDelayMs: 50, maxDelayMs: 200 },
  );
}

/** Until events flow through everything. */
async function flowing({ child, stderr, ended }: Demo): Promise<number[]> {
  const flows = retry(
    async () => {
      if (!/[1-9][\d,]* deliveries/.test(stderr())) throw new Error(`no delivery yet:\n${stderr()}`);
    },
    { timeoutMs: START_MS, initialDelayMs: 100, maxDelayMs: 300 },
  );
  const early = ended.then((how) => {
    throw new Error(`the demo ended by itself (${how}):\n${stderr()}`);
  });
  early.catch(() => undefined);
  await Promise.race([flows, early]);
  return descendants(child.pid ?? 0);
}

describe('the demo', () => {
  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL');
    // children end by themselves when their parent is gone
    while (running.size > 0) await sleep(50);
  });

  test(
    'does the whole job and its counts agree',
    async () => {
      const demo = startDemo(['--for', '20s', '--visible', '5s', '--json']);
      expect({ code: await demo.ended, said: demo.stderr() }).toMatchObject({ code: 0 });
      const outcome = JSON.parse(demo.stdout().trimEnd().split('\n').at(-1) ?? '');
      expect(outcome.events).toBe(outcome.sentEvents + outcome.plantedBadEvents);
      expect(outcome.plantedBadEvents).toBeGreaterThanOrEqual(12);
      expect(outcome.deadLetters).toBe(outcome.plantedBadEvents);
      expect(outcome.clickhouseRisks).toBe(outcome.risks);
      expect(outcome.deliveriesSucceeded).toBeGreaterThan(0);
      expect(outcome.verifiedSignatures).toBeGreaterThanOrEqual(outcome.deliveriesSucceeded);
      expect(Object.keys(outcome.pipelines).sort()).toEqual(['agriculture', 'production', 'transactions']);
      for (const pipeline of Object.values(outcome.pipelines) as { events: number; risks: number }[]) {
        expect(pipeline.events).toBeGreaterThan(0);
        expect(pipeline.risks).toBeGreaterThan(0);
      }
    },
    RUN_MS,
  );

  test(
    'stops everything within 10 s when it is asked to',
    async () => {
      const demo = startDemo(['--no-fast']);
      const pids = await flowing(demo);
      expect(pids.length).toBeGreaterThanOrEqual(6);
      const asked = Date.now();
      demo.child.kill('SIGINT');
      expect(await demo.ended).toBe(0);
      expect(Date.now() - asked).toBeLessThan(STOP_MS);
      await allGone(pids, 1000);
    },
    RUN_MS,
  );

  test(
    'leaves no process behind when it is killed',
    async () => {
      const demo = startDemo(['--no-fast']);
      const pids = await flowing(demo);
      demo.child.kill('SIGKILL');
      expect(await demo.ended).toBe('SIGKILL');
      await allGone(pids, STOP_MS);
    },
    RUN_MS,
  );

  test(
    'says which part died, with its last lines, and exits 1',
    async () => {
      const demo = startDemo(['--no-fast']);
      const pids = await flowing(demo);
      const sink = pids.find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('sink'),
      );
      process.kill(sink ?? 0, 'SIGKILL');
      expect(await demo.ended).toBe(1);
      expect(demo.stderr()).toMatch(/riskwire: sink has died; its last lines[\s\S]*\(ended by SIGKILL\)/);
      await allGone(pids, 1000);
    },
    RUN_MS,
  );
});
