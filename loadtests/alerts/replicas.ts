import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../lib/paths.js';
import { freePort } from '../../services/cli/demo/ports.js';

export const ADMIN_KEY = 'rw_load_0123456789abcdefghijklmn';
const READY_MS = 90_000;

export interface Replicas {
  /** asks whichever replica answers */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** the sum of a metric over the replicas that answer; undefined when not all do */
  metric(name: string): Promise<number | undefined>;
  ready(): Promise<void>;
  /** kill -9 of one of them, and a new one in its place */
  kill(which: number): Promise<void>;
  stop(): Promise<void>;
}

interface Replica {
  child: ChildProcess;
  logFile: string;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

function tailOf(replica: Replica | undefined): string {
  return replica ? readFileSync(replica.logFile, 'utf8').split('\n').slice(-10).join('\n') : '';
}

/** Replicas of the alert API as processes of their own. */
export async function startReplicas(options: {
  brokers: readonly string[];
  prefix: string;
  count: number;
  folder: string;
  env?: Record<string, string>;
}): Promise<Replicas> {
  const ports = await Promise.all(Array.from({ length: options.count }, () => freePort(0)));
  let started = 0;
  const start = (port: number): Replica => {
    const logFile = join(options.folder, `${options.prefix}${started++}.log`);
    const out = openSync(logFile, 'w');
    const child = spawn(
      process.execPath,
      [join(packageRoot(), 'dist/services/cli/demo/child.js'), 'alert-api'],
      {
        stdio: ['ignore', out, out, 'ipc'], // by the channel it notices when this process is gone
        env: {
          ...process.env,
          RISKWIRE_BROKERS: options.brokers.join(),
          RISKWIRE_PREFIX: options.prefix,
          RISKWIRE_GROUP: options.prefix.replaceAll('.', ''),
          RISKWIRE_PORT: String(port),
          RISKWIRE_INSECURE_LOCAL: '1',
          RISKWIRE_BOOTSTRAP_KEY: ADMIN_KEY,
          RISKWIRE_WEBHOOK_ALLOW: '127.0.0.0/8',
          RISKWIRE_RATE_LIMIT: '1000000',
          RISKWIRE_SESSION_TIMEOUT: '10s',
          RISKWIRE_LOG_LEVEL: 'warn',
          ...options.env,
        },
      },
    );
    closeSync(out);
    return { child, logFile };
  };
  const parts = ports.map(start);

  async function ask(port: number, path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    return fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(10_000),
    }).catch(() => undefined); // a replica that is being started doesn't answer
  }

  const replicas: Replicas = {
    async call(method, path, body) {
      for (const port of ports) {
        const answer = await ask(port, path, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (!answer) continue;
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
        return answer.json();
      }
      throw new Error(`${method} ${path}: no replica answers`);
    },
    async metric(name) {
      let sum = 0;
      for (const port of ports) {
        const answer = await ask(port, '/metrics');
        if (!answer?.ok) return undefined;
        for (const line of (await answer.text()).split('\n'))
          if (line.startsWith(`${name}{`) || line.startsWith(`${name} `))
            sum += Number(line.split(' ').at(-1));
      }
      return sum;
    },
    async ready() {
      const deadline = Date.now() + READY_MS;
      for (const [i, port] of ports.entries()) {
        while (!(await ask(port, '/health/ready'))?.ok) {
          if (Date.now() > deadline)
            throw new Error(`a replica is not ready after ${READY_MS} ms:\n${tailOf(parts[i])}`);
          await sleep(100);
        }
      }
    },
    async kill(which) {
      const part = parts[which];
      const port = ports[which];
      if (!part || port === undefined) throw new RangeError(`there is no replica ${which}`);
      await end(part.child, 'SIGKILL');
      parts[which] = start(port);
    },
    async stop() {
      const killer = setTimeout(() => {
        for (const { child } of parts) child.kill('SIGKILL');
      }, 10_000);
      await Promise.all(parts.map(({ child }) => end(child, 'SIGTERM')));
      clearTimeout(killer);
    },
  };
  await replicas.ready();
  return replicas;
}
