import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';
import { incidentOf } from '../../alerting/incident-example.js';
import { incidentPayload } from '../../alerting/payload.js';
import { showSecret, webhookHeaders } from '../../alerting/signature.js';
import { createClient } from '../../examples/client/riskwire.js';
import { createReceiver } from '../../examples/receiver-typescript/receiver.js';
import { packageRoot } from '../../lib/paths.js';
import { closeAll, serve } from '../support/alert-server.js';

/** The example receivers in each language that is on this machine, and the published libraries, against our signatures. */
const secret = Buffer.alloc(32, 7);
const former = Buffer.alloc(32, 8);
const body = incidentPayload(incidentOf({ entity: 'Gewächshaus 温室' }), 'https://risk.example');
const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    process.kill(-child.pid!, 'SIGKILL'); // with what `go run` has started
    await once(child, 'exit');
  }
});

const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const folder = join(packageRoot(), 'examples');
const LANGUAGES: [name: string, there: boolean, command: string, args: string[]][] = [
  ['python', has('python3', '--version'), 'python3', [join(folder, 'receiver-python', 'receiver.py')]],
  ['go', has('go', 'version'), 'go', ['run', '.']],
];

async function start(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, {
    cwd: join(folder, 'receiver-go'),
    env: { ...process.env, RECEIVER_SECRET: showSecret(secret), RECEIVER_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /listening on (http\S+)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error(`${command} ended without listening`);
}

describe.each(LANGUAGES)('%s', (_name, there, command, args) => {
  const run = there ? test : test.skip;
  run('takes what is signed by its secret, alone or in a rotation, and refuses the rest', async () => {
    const url = await start(command, args);
    const post = async (headers: Record<string, string>, sent: Buffer = body) =>
      (await fetch(url, { method: 'POST', headers, body: new Uint8Array(sent) })).status;
    const signed = (secrets: Buffer[], at = Date.now()) => webhookHeaders(secrets, 'dlv_1', at, body);
    expect(await post(signed([secret]))).toBe(204);
    expect(await post(signed([former, secret]))).toBe(204);
    expect(await post(signed([former]))).toBe(401);
    expect(await post(signed([secret]), Buffer.concat([body, Buffer.from(' ')]))).toBe(401);
    expect(await post(signed([secret], Date.now() - 600_000))).toBe(401);
    expect(await post({})).toBe(401);
  });
});

test('typescript takes what is signed by its secret, each id once, and refuses the rest', async () => {
  const got: string[] = [];
  const server = createReceiver(showSecret(secret), (id, { type }) => got.push(`${type} ${id}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const post = async (secrets: Buffer[]) => {
      const headers = webhookHeaders(secrets, 'dlv_1', Date.now(), body);
      return (await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })).status;
    };
    expect([await post([secret]), await post([former, secret]), await post([former])]).toEqual([
      204, 204, 401,
    ]);
    expect(got).toEqual(['incident.opened dlv_1']);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('the client pages, acts, retries what failed for a while, and says what was refused', async () => {
  const { app, keys } = await serve();
  try {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    let failures = 1;
    const client = createClient({
      url: `http://127.0.0.1:${port}`,
      key: keys.operator,
      fetch: async (...request) => {
        if (failures-- > 0) throw new TypeError('fetch failed');
        return fetch(...request);
      },
    });
    const found: string[] = [];
    for await (const one of client.incidents({ severity: 'low' })) found.push(one.id);
    expect(found).toHaveLength(7);
    expect(await client.act('inc_1', 'acknowledge', { note: 'on it' })).toMatchObject({
      state: 'acknowledged',
      note: 'on it',
    });
    const { secret: shown } = await client.addEndpoint({ url: 'https://example.com/' });
    expect(shown).toMatch(/^whsec_/);
    await expect(client.incident('inc_99')).rejects.toMatchObject({ status: 404, code: 'not-found' });
  } finally {
    await closeAll();
  }
});

test('the library of standardwebhooks.com for Node verifies them', () => {
  const headers = webhookHeaders([former, secret], 'dlv_1', Date.now(), body);
  expect(new Webhook(showSecret(secret)).verify(body.toString(), headers)).toMatchObject({
    type: 'incident.opened',
  });
  expect(() => new Webhook(showSecret(secret)).verify(`${body.toString()} `, headers)).toThrow();
});

/** Set RISKWIRE_TEST_PYTHON to an interpreter that has `pip install standardwebhooks`. */
const python = process.env['RISKWIRE_TEST_PYTHON'] ?? 'python3';
const pythonTest = has(python, '-c', 'import standardwebhooks') ? test : test.skip;
pythonTest('the library of standardwebhooks.com for Python verifies them', () => {
  const headers = webhookHeaders([former, secret], 'dlv_1', Date.now(), body);
  const verify = (sent: Buffer) =>
    spawnSync(
      python,
      [
        '-c',
        'import json, sys; from standardwebhooks.webhooks import Webhook; print(Webhook(sys.argv[1]).verify(sys.stdin.buffer.read().decode(), json.loads(sys.argv[2]))["type"])',
        showSecret(secret),
        JSON.stringify(headers),
      ],
      { input: sent },
    );
  expect(verify(body)).toMatchObject({ status: 0, stdout: Buffer.from('incident.opened\n') });
  expect(verify(Buffer.concat([body, Buffer.from(' ')])).status).not.toBe(0);
});

test('the receiver for Node refuses what its own HMAC does not confirm', async () => {
  const { verify } = (await import(join(folder, 'receiver', 'verify.mjs'))) as {
    verify(secret: string, headers: Record<string, string>, body: Buffer): { type: string };
  };
  const headers = webhookHeaders([secret], 'dlv_1', Date.now(), body);
  expect(verify(showSecret(secret), headers, body).type).toBe('incident.opened');
  const forged = createHmac('sha256', former).update('x').digest('base64');
  expect(() =>
    verify(showSecret(secret), { ...headers, 'webhook-signature': `v1,${forged}` }, body),
  ).toThrow();
});
