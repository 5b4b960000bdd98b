import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = [Address, number];

/** An address that outgoing webhooks may not reach. Nothing was sent to it. */
export class ForbiddenAddressError extends Error {
  readonly code = 'RISKWIRE_FORBIDDEN_ADDRESS';
  constructor(
    readonly host: string,
    readonly address: string,
    why: string,
  ) {
    super(`${host} is at ${address}, ${why}`);
  }
}

/** '10.0.0.0/8' or '10.1.2.3' -> a range. Throws a RangeError that says what is accepted. */
export function parseRange(text: string): AddressRange {
  const trimmed = text.trim();
  try {
    if (trimmed.includes('/')) return ipaddr.parseCIDR(trimmed) as AddressRange;
    const address = ipaddr.parse(trimmed);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch {
    throw new RangeError(
      `"${text}" is not an address range: write an address or a CIDR such as 10.0.0.0/8 or fd00::/8`,
    );
  }
}

/**
 * Says why an address may not be reached, or nothing when it may. Public unicast addresses may; every other range
 * (private, loopback, link-local with the cloud's metadata services, carrier-grade NAT, multicast, unique local,
 * reserved, and the IPv6 ranges that carry an IPv4 address inside: mapped, compatible, NAT64, 6to4, Teredo) only
 * when `allowed` names it. Plain http is for allowed ranges only.
 */
export function refusal(text: string, allowed: readonly AddressRange[], secure: boolean): string | undefined {
  if (!ipaddr.isValid(text)) return 'which is not an IP address';
  const parsed = ipaddr.parse(text);
  const address =
    parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
  if (allowed.some(([range, bits]) => range.kind() === address.kind() && address.match(range as never, bits)))
    return undefined;
  const range = address.range() === 'unicast' && !isGlobal(address) ? 'reserved' : address.range();
  if (range !== 'unicast')
    return `a ${range} address, which webhooks may not reach; an operator can allow it in RISKWIRE_WEBHOOK_ALLOW`;
  if (!secure) return 'and plain http is for the ranges in RISKWIRE_WEBHOOK_ALLOW only; use https';
  return undefined;
}

/** Of IPv6 only 2000::/3 is given out to hosts. The rest holds forms such as ::7f00:1, IPv4 inside without a name of its own. */
function isGlobal(address: Address): boolean {
  return address instanceof ipaddr.IPv4 || (address.parts[0] ?? 0) >> 13 === 1;
}

/**
 * A `lookup` for net.connect and tls.connect: resolves, refuses the host if any of its addresses is forbidden, and
 * hands the checked addresses to the connection itself. There is no second resolution that could answer otherwise.
 */
export function guardedLookup(
  allowed: readonly AddressRange[],
  secure: boolean,
  resolve: typeof systemLookup = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const list = addresses as unknown as { address: string; family: number }[];
      for (const { address } of list) {
        const why = refusal(address, allowed, secure);
        if (why) return callback(new ForbiddenAddressError(hostname, address, why), '', 0);
      }
      const first = list[0];
      if (!first)
        return callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), '', 0);
      if (options.all) return callback(null, list as never);
      callback(null, first.address, first.family);
    });
  };
}
