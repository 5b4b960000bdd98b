import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Kafka, logLevel } from 'kafkajs';
import { packageRoot } from '../../lib/paths.js';

/** `riskwire local` as a process: what it prints, that it works, and that nothing stays when it ends. */
interface Stack {
  process: ChildProcess;
  brokers: string;
  clickhouseUrl: string;
  registryUrl: string;
  pids: number[];
}

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

const MAIN = join(packageRoot(), 'dist', 'services', 'local', 'main.js');
const ENTRY = `import(process.argv[1]).then(({ main }) => main(process.env, { json: process.argv[2] === 'json' }))`;

function launch(env: NodeJS.ProcessEnv, json = true): ChildProcess {
  const child = spawn(process.execPath, ['-e', ENTRY, `file://${MAIN}`, json ? 'json' : 'page'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  return child;
}

async function freePorts(): Promise<NodeJS.ProcessEnv> {
  const servers = [createServer(), createServer(), createServer()];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return {
    RISKWIRE_BROKERS: `127.0.0.1:${ports[0]}`,
    RISKWIRE_CLICKHOUSE_URL: `http://127.0.0.1:${ports[1]}`,
    RISKWIRE_REGISTRY_URL: `http://127.0.0.1:${ports[2]}`,
  };
}

async function start(): Promise<Stack> {
  const child = launch(await freePorts());
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return { process: child, ...(JSON.parse(line) as Omit<Stack, 'process'>) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function allGone(pids: readonly number[], timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (pids.some(isAlive)) {
    if (Date.now() > deadline) throw new Error(`still alive: ${pids.filter(isAlive).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function tryAll({ brokers, clickhouseUrl, registryUrl }: Stack): Promise<void> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'tried' }] });
  expect(await admin.listTopics()).toEqual(['tried']);
  await admin.disconnect();
  expect(await (await fetch(`${clickhouseUrl}/?query=SELECT+42`)).text()).toBe('42\n');
  expect(await (await fetch(`${registryUrl}/subjects`)).json()).toEqual([]);
}

test('it listens where the services look, works, and ends with exit code 0', async () => {
  const stack = await start();
  expect(stack.pids).toHaveLength(2);
  expect(stack.pids.every(isAlive)).toBe(true);
  await tryAll(stack);
  stack.process.kill('SIGTERM');
  expect(await once(stack.process, 'exit')).toEqual([0, null]);
  await allGone(stack.pids, 0);
});

test('nothing stays when it is killed', async () => {
  const stack = await start();
  stack.process.kill('SIGKILL');
  await once(stack.process, 'exit');
  await allGone(stack.pids);
});

test('it ends with a failure when one of its parts dies', async () => {
  const stack = await start();
  const said: Buffer[] = [];
  stack.process.stderr!.on('data', (chunk: Buffer) => said.push(chunk));
  process.kill(stack.pids[0]!, 'SIGKILL');
  expect(await once(stack.process, 'exit')).toEqual([1, null]);
  expect(Buffer.concat(said).toString()).toMatch(/local Kafka broker ended by itself \(signal SIGKILL\)/);
  await allGone(stack.pids);
});

test('its page names the addresses, what to export and what it does not keep', async () => {
  const env = await freePorts();
  const child = launch(env, false);
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const deadline = Date.now() + 30_000;
  while (!text.includes('Ctrl-C')) {
    if (Date.now() > deadline) throw new Error(`no page after 30 s: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const [variable, value] of Object.entries(env)) expect(text).toContain(`export ${variable}=${value}`);
  expect(text).toMatch(/newest 16 MB of a partition/);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a port that is taken is named, with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = launch({ ...(await freePorts()), RISKWIRE_BROKERS: `127.0.0.1:${port}` });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(said).toMatch(`port ${port} of 127.0.0.1 is taken`);
  server.close();
});

test('addresses elsewhere are refused all at once', async () => {
  const child = launch({
    RISKWIRE_BROKERS: 'kafka:9092,other:9092',
    RISKWIRE_CLICKHOUSE_URL: 'http://clickhouse:8123',
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  expect(await once(child, 'exit')).toEqual([2, null]);
  expect(said.match(/RISKWIRE_\w+ is /g)).toEqual([
    'RISKWIRE_BROKERS is ',
    'RISKWIRE_BROKERS is ',
    'RISKWIRE_CLICKHOUSE_URL is ',
  ]);
});
