import { formatCount } from '../../services/cli/format.js';
import { PARTS, type Part } from '../contenders/parts.js';
import { PEERS } from '../contenders/peers.js';
import type { Steady } from '../looks.js';
import { median, medianRatio, spread, summary } from '../statistics.js';
import { formatTable } from '../table.js';

export type Results = ReadonlyMap<string, readonly Steady[]>;

const OWN: Record<string, string> = {
  rawConsume: 'kafkajs, consuming alone',
  decode: 'kafkajs and avsc: consuming and decoding',
  scorer: 'the scorer',
};

export function rates(results: Results, name: string): number[] {
  return (results.get(name) ?? []).map(({ eventsPerSecond }) => eventsPerSecond);
}

function micros(results: Results, name: string): number {
  return median((results.get(name) ?? []).map(({ microsPerEvent }) => microsPerEvent ?? Number.NaN));
}

/** Contenders beside each other: rate, spread, CPU time an event, and how many times as fast the scorer is. */
export function ratesTable(results: Results, markdown: boolean): string {
  const names = [...results.keys()].filter((name) => !(name in PARTS));
  const scorer = rates(results, 'scorer');
  return formatTable(
    ['contender', 'events/s', 'smallest – largest', 'CPU µs an event', 'scorer is so many times as fast'],
    names.map((name) => [
      OWN[name] ?? PEERS.find((peer) => peer.name === name)?.title ?? name,
      formatCount(median(rates(results, name))),
      spread(rates(results, name), formatCount),
      decimals(micros(results, name), 2),
      name === 'scorer' ? '' : decimals(medianRatio(scorer, rates(results, name)), 2),
    ]),
    markdown,
  );
}

/** What the scorer costs without a part, and so what the part costs. */
export function partsTable(results: Results, markdown: boolean): string {
  const parts = [...results.keys()].filter((name): name is Part => name in PARTS);
  const whole = micros(results, 'scorer');
  return formatTable(
    ['the scorer without', 'events/s', 'CPU µs an event', 'so it costs µs', 'of the scorer’s time'],
    parts.map((part) => [
      PARTS[part],
      formatCount(median(rates(results, part))),
      decimals(micros(results, part), 2),
      decimals(whole - micros(results, part), 2),
      `${decimals(100 * (1 - micros(results, part) / whole), 0)}%`,
    ]),
    markdown,
  );
}

/** The figures as one object; rates are medians in events a second. */
export function figures(results: Results) {
  const of = (name: string) => Math.round(median(rates(results, name)));
  const entries = (names: readonly string[], value: (name: string) => number) =>
    Object.fromEntries(names.filter((name) => results.has(name)).map((name) => [name, value(name)]));
  const peers = PEERS.map(({ name }) => name);
  const parts = Object.keys(PARTS);
  const whole = micros(results, 'scorer');
  return {
    rawConsume: of('rawConsume'),
    decode: of('decode'),
    scorer: of('scorer'),
    peers: entries(peers, of),
    ratios: {
      'scorer/rawConsume': round(medianRatio(rates(results, 'scorer'), rates(results, 'rawConsume')), 3),
      'scorer/decode': round(medianRatio(rates(results, 'scorer'), rates(results, 'decode')), 3),
      ...Object.fromEntries(
        peers
          .filter((name) => results.has(name))
          .map((name) => [
            `scorer/${name}`,
            round(medianRatio(rates(results, 'scorer'), rates(results, name)), 2),
          ]),
      ),
    },
    /** the same by CPU time an event, which leaves out what else the machine does */
    cpuRatios: Object.fromEntries(
      ['rawConsume', 'decode', ...peers]
        .filter((name) => results.has(name))
        .map((name) => [`scorer/${name}`, round(micros(results, name) / whole, 3)]),
    ),
    /** of the scorer's CPU time */
    partShares: entries(parts, (part) => round(1 - micros(results, part) / whole, 3)),
    withoutPart: entries(parts, of),
    cpuMicros: entries([...results.keys()], (name) => round(micros(results, name), 3)),
    spread: Object.fromEntries(
      [...results.keys()].map((name) => {
        const { min, max } = summary(rates(results, name));
        return [name, [Math.round(min), Math.round(max)]];
      }),
    ),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function decimals(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}
