import type { lookup } from 'node:dns';
import { ForbiddenAddressError, guardedLookup, parseRange, refusal } from './address-guard.js';

const PUBLIC = [
  '8.8.8.8',
  '93.184.216.34',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
];
const FORBIDDEN = [
  ...[
    '0.0.0.0',
    '10.0.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
  ],
  ...[
    '100.64.0.1',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '192.88.99.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...[
    '::',
    '::1',
    'fe80::1',
    'fec0::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '100::1',
    '5f00::1',
  ],
  // an IPv4 address inside: mapped, compatible, NAT64 (well-known and local), 6to4
  ...[
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '::7f00:1',
    '4000::1',
    '64:ff9b::7f00:1',
    '64:ff9b::808:808',
    '64:ff9b:1::a9fe:a9fe',
    '2002:7f00:1::',
  ],
];

test.each(PUBLIC)('%s may be reached by https, not by http', (address) => {
  expect(refusal(address, [], true)).toBeUndefined();
  expect(refusal(address, [], false)).toMatch(/https/);
});

test.each(FORBIDDEN)('%s may not be reached', (address) => {
  expect(refusal(address, [], true)).toMatch(/RISKWIRE_WEBHOOK_ALLOW/);
});

test.each([
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.1.2.3', '10.0.0.0/8', false],
  ['127.0.0.1', '127.0.0.1', true],
  ['::ffff:127.0.0.1', '127.0.0.0/8', true],
  ['fd00::1', 'fd00::/8', true],
  ['fc00::1', 'fd00::/8', false],
])('%s with %s allowed: %s', (address, range, allowed) => {
  for (const secure of [true, false])
    expect(refusal(address, [parseRange(range)], secure) === undefined).toBe(
      allowed || (secure && address === '11.1.2.3'),
    );
});

test.each(['10.0.0.0/33', 'example.com', '', '10.0.0/8/8'])('%j is no range', (text) => {
  expect(() => parseRange(text)).toThrow(/CIDR such as 10\.0\.0\.0\/8/);
});

function answering(addresses: string[]): typeof lookup {
  return ((_host: string, _options: unknown, callback: (error: null, found: unknown) => void) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as never;
}

function look(addresses: string[], all: boolean): Promise<{ error: unknown; found: unknown }> {
  return new Promise((resolve) =>
    guardedLookup([], true, answering(addresses))('hook.example', { all } as never, (error, found) =>
      resolve({ error, found }),
    ),
  );
}

test('a name is refused if any of its addresses is forbidden', async () => {
  const { error } = await look(['8.8.8.8', '::ffff:169.254.169.254'], true);
  expect(error).toBeInstanceOf(ForbiddenAddressError);
  expect(String(error)).toContain('hook.example is at ::ffff:169.254.169.254');
});

test('the checked addresses are the ones handed on', async () => {
  expect((await look(['8.8.8.8', '2606:4700::1111'], true)).found).toEqual([
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
  expect((await look(['8.8.8.8'], false)).found).toBe('8.8.8.8');
  expect((await look([], true)).error).toMatchObject({ code: 'ENOTFOUND' });
});
