import { Random } from '../random.js';
import { COUNTRIES, MERCHANTS, PLAIN, type Region, WORLD } from './countries.js';

/**
 * Customers and terminals after the Fraud Detection Handbook's simulator (Le Borgne, Siblini, Lebichot, Bontempi:
 * "Reproducible Machine Learning for Credit Card Fraud Detection", chapter 3): both uniform on a plane, a customer
 * pays only at terminals less than 5 away, has a mean amount of U(5, 100) with half of it as standard deviation,
 * and a mean of U(0, 4) payments a day.
 */
export interface World {
  readonly regions: readonly Region[];
  readonly customers: Customers;
  readonly terminals: Terminals;
}

export interface Customers {
  readonly count: number;
  readonly ids: readonly string[];
  readonly issuers: readonly string[];
  readonly region: Uint8Array;
  /** in base units */
  readonly meanAmount: Float64Array;
  /** e^−(mean payments a day) */
  readonly expMinusRate: Float64Array;
  /** share of payments that are made contactless where the terminal stands in a shop */
  readonly contactless: Float64Array;
  /** terminals within reach of customer i: reach[reachStart[i]] … reach[reachStart[i + 1] − 1] */
  readonly reachStart: Int32Array;
  readonly reach: Int32Array;
}

export interface Terminals {
  readonly count: number;
  readonly ids: readonly string[];
  /** index into MERCHANTS */
  readonly merchant: Uint8Array;
}

const RADIUS = 5;
const BOOK_TERMINALS = 10_000;
const CUSTOMER = 1;
const TERMINAL = 2;

export function buildWorld(
  seed: number,
  plain: boolean,
  customerCount: number,
  terminalCount: number,
): World {
  const regions = plain ? PLAIN : WORLD;
  // The book's plane is 100 × 100. A region's is smaller by its share, so that a customer has as many terminals in reach.
  const sides = regions.map((region) =>
    plain ? 100 : 100 * Math.sqrt((region.share * terminalCount) / BOOK_TERMINALS),
  );
  const random = new Random();

  const terminalRegion = new Uint8Array(terminalCount);
  const tx = new Float64Array(terminalCount);
  const ty = new Float64Array(terminalCount);
  const merchant = new Uint8Array(terminalCount);
  const terminalIds: string[] = [];
  for (let i = 0; i < terminalCount; i++) {
    random.reseed(seed, TERMINAL, i);
    const region = choose(regions, random.unit());
    terminalRegion[i] = region;
    tx[i] = random.uniform(0, sides[region]!);
    ty[i] = random.uniform(0, sides[region]!);
    merchant[i] = choose(MERCHANTS, random.unit());
    terminalIds.push(`terminal-${String(i).padStart(5, '0')}`);
  }

  const grids = regions.map((_, region) => new Grid(sides[region]!, terminalRegion, region, tx, ty));
  const customers = {
    count: customerCount,
    ids: [] as string[],
    issuers: [] as string[],
    region: new Uint8Array(customerCount),
    meanAmount: new Float64Array(customerCount),
    expMinusRate: new Float64Array(customerCount),
    contactless: new Float64Array(customerCount),
    reachStart: new Int32Array(customerCount + 1),
  };
  const reach: number[] = [];
  for (let i = 0; i < customerCount; i++) {
    random.reseed(seed, CUSTOMER, i);
    const region = choose(regions, random.unit());
    const issuers = COUNTRIES[regions[region]!.country]!.issuers;
    customers.region[i] = region;
    const x = random.uniform(0, sides[region]!);
    const y = random.uniform(0, sides[region]!);
    customers.meanAmount[i] = random.uniform(5, 100);
    customers.expMinusRate[i] = Math.exp(-random.uniform(0, 4));
    customers.contactless[i] = random.unit();
    customers.issuers.push(issuers[random.below(issuers.length)]!);
    customers.ids.push(`card-${String(i).padStart(5, '0')}`);
    grids[region]!.within(x, y, reach);
    customers.reachStart[i + 1] = reach.length;
  }
  return {
    regions,
    customers: { ...customers, reach: Int32Array.from(reach) },
    terminals: { count: terminalCount, ids: terminalIds, merchant },
  };
}

function choose(options: readonly { share: number }[], at: number): number {
  let left = at;
  for (let i = 0; i < options.length; i++) {
    left -= options[i]!.share;
    if (left < 0) return i;
  }
  return options.length - 1;
}

/** Terminals of one region in squares as wide as the radius, so that a look-up reads nine squares, not all terminals. */
class Grid {
  private readonly cells = new Map<number, number[]>();
  private readonly width: number;

  constructor(
    side: number,
    regionOf: Uint8Array,
    region: number,
    private readonly x: Float64Array,
    private readonly y: Float64Array,
  ) {
    this.width = Math.ceil(side / RADIUS) + 1;
    for (let i = 0; i < x.length; i++) {
      if (regionOf[i] !== region) continue;
      const cell = Math.floor(y[i]! / RADIUS) * this.width + Math.floor(x[i]! / RADIUS);
      const members = this.cells.get(cell);
      if (members) members.push(i);
      else this.cells.set(cell, [i]);
    }
  }

  within(x: number, y: number, out: number[]): void {
    const column = Math.floor(x / RADIUS);
    const row = Math.floor(y / RADIUS);
    for (let r = row - 1; r <= row + 1; r++) {
      for (let c = column - 1; c <= column + 1; c++) {
        if (c < 0 || c >= this.width || r < 0) continue;
        for (const i of this.cells.get(r * this.width + c) ?? []) {
          if ((this.x[i]! - x) ** 2 + (this.y[i]! - y) ** 2 < RADIUS ** 2) out.push(i);
        }
      }
    }
  }
}
