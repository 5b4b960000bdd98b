import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWebhookClient } from './webhook-http.js';

/**
 * Every way that we know to make a sender of webhooks reach what it must not, tried on the client that sends them: the
 * address written out, in odd notations, and as what a name resolves to. Nothing may be connected to.
 */
const PLAIN: [what: string, address: string][] = [
  ['this host', '0.0.0.0'],
  ['loopback', '127.0.0.1'],
  ['loopback, not .1', '127.255.255.254'],
  ['private 10/8', '10.0.0.1'],
  ['private 172.16/12, first', '172.16.0.1'],
  ['private 172.16/12, last', '172.31.255.255'],
  ['private 192.168/16', '192.168.1.1'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['link-local, cloud metadata', '169.254.169.254'],
  ['IETF protocol assignments', '192.0.0.192'],
  ['documentation', '192.0.2.1'],
  ['6to4 relay', '192.88.99.1'],
  ['benchmarking', '198.18.0.1'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['IPv6 unspecified', '::'],
  ['IPv6 loopback', '::1'],
  ['IPv6 link-local', 'fe80::1'],
  ['IPv6 site-local', 'fec0::1'],
  ['IPv6 unique local', 'fc00::1'],
  ['IPv6 metadata of AWS', 'fd00:ec2::254'],
  ['IPv6 multicast', 'ff02::1'],
  ['IPv6 documentation', '2001:db8::1'],
  ['IPv6 discard', '100::1'],
  ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
  ['IPv4-mapped metadata, in hex', '::ffff:a9fe:a9fe'],
  ['IPv4-compatible', '::127.0.0.1'],
  ['IPv4-compatible, in hex', '::7f00:1'],
  ['not given out', '4000::1'],
  ['NAT64', '64:ff9b::7f00:1'],
  ['NAT64, local', '64:ff9b:1::a9fe:a9fe'],
  ['6to4 of loopback', '2002:7f00:1::'],
  ['Teredo', '2001:0:7f00:1::'],
];

const ODD: [what: string, host: string][] = [
  ['decimal', '2130706433'],
  ['hexadecimal', '0x7f000001'],
  ['hexadecimal parts', '0x7f.0x0.0x0.0x1'],
  ['octal', '0177.0.0.1'],
  ['two parts', '127.1'],
  ['three parts', '127.0.1'],
  ['full-width digits', '１２７.0.0.1'],
  ['circled digits', '①②⑦.0.0.1'],
  ['ideographic full stops', '127。0。0。1'],
  ['percent-encoded', '%31%32%37.0.0.1'],
  ['a trailing dot', '127.0.0.1.'],
  ['IPv6 written out', '[0000:0000:0000:0000:0000:0000:0000:0001]'],
  ['mapped, written out', '[0:0:0:0:0:ffff:7f00:1]'],
  ['a name of this host', 'localhost'],
];

const body = Buffer.from('{}');
let connections = 0;
const server = createServer((_request, response) => response.writeHead(204).end());
server.on('connection', () => {
  connections += 1;
});
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '::', resolve)); // both families
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
afterEach(() => expect(connections).toBe(0));

async function refused(url: string, resolved?: string[]): Promise<void> {
  const resolve = ((_host: string, _options: unknown, callback: (error: null, found: unknown) => void) =>
    callback(
      null,
      resolved?.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as never;
  const client = createWebhookClient({ allow: [], timeoutMs: 2_000, ...(resolved ? { resolve } : {}) });
  try {
    expect(await client.post(url, {}, body)).toMatchObject({ kind: 'failure', code: 'forbidden-address' });
  } finally {
    await client.stop();
  }
}

describe.each(['http', 'https'])('%s', (scheme) => {
  test.each(PLAIN)('%s, as the address %s', async (_what, address) => {
    await refused(`${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}/`);
  });

  test.each(ODD)('%s: %s', async (_what, host) => {
    await refused(`${scheme}://${host}:${port}/`);
  });
});

test.each(PLAIN)('%s, as what a name resolves to (%s)', async (_what, address) => {
  await refused(`https://hooks.example:${port}/`, [address]);
});

test.each(PLAIN)('%s (%s), behind a public address of the same name', async (_what, address) => {
  await refused(`https://hooks.example:${port}/`, ['8.8.8.8', address]);
});
