import { agricultureSource } from '../../pipelines/agriculture/replay.js';
import { productionSource } from '../../pipelines/production/replay.js';
import { VARIABLES } from '../../pipelines/production/series.js';
import { Random } from '../../pipelines/random.js';
import type { EventSource, TruthRecord } from '../../pipelines/source.js';
import { transactionsSource } from '../../pipelines/transactions/generator.js';
import { SHIPPED_INSTRUMENTS } from './generated-plant.js';
import {
  deviation,
  FAULT_KINDS,
  type FaultKind,
  type Planted,
  pick,
  plantSensorFault,
  type StreamEvent,
} from './planted.js';

/** A stream with faults in known fields. */
export interface PlantedStream {
  readonly events: readonly StreamEvent[];
  /** the same events before anything was planted */
  readonly untouched: readonly Record<string, unknown>[];
  readonly planted: readonly Planted[];
}

/** All events of a source up to `most`, with its truth. */
export async function collect(
  source: EventSource,
  most = Number.POSITIVE_INFINITY,
): Promise<{ events: StreamEvent[]; truth: TruthRecord[] }> {
  const events: StreamEvent[] = [];
  const truth: TruthRecord[] = [];
  for await (const batch of source.batches()) {
    batch.events.forEach((event, i) => {
      events.push({ key: batch.keys[i]!, time: batch.times[i]!, event: event as Record<string, unknown> });
    });
    truth.push(...batch.truth.map(({ record }) => record));
    if (events.length >= most) break;
  }
  return { events: events.slice(0, most), truth };
}

export function byEntity(events: readonly StreamEvent[]): Map<string, number[]> {
  const positions = new Map<string, number[]>();
  events.forEach(({ key }, position) => {
    const known = positions.get(key);
    if (known === undefined) positions.set(key, [position]);
    else known.push(position);
  });
  return positions;
}

const WATER = ['temperature', 'conductivity', 'ph', 'dissolvedOxygen', 'turbidity', 'stage'];
const WATER_UNITS: Readonly<Record<string, (value: number) => number>> = {
  temperature: (celsius) => celsius * 1.8 + 32,
  conductivity: (micro) => micro / 1000,
  ph: (ph) => ph * 10,
  dissolvedOxygen: (milligrams) => milligrams * 0.7,
  turbidity: (ntu) => ntu * 1000,
  stage: (cm) => cm / 100,
};
const DAY_ROWS = 96;
const DAY_MS = 86_400_000;

/** The second half of the water series, a fault of a day at each station every fourth day that nobody labelled. */
export async function plantedWater(folder: string, seed: number, from: number): Promise<PlantedStream> {
  const source = agricultureSource({ folder });
  const { events, truth } = await collect(source);
  const live = events.slice(from).map((one) => ({ ...one }));
  const untouched = live.map(({ event }) => event);
  const random = new Random(seed, 71);
  const planted: Planted[] = [];
  for (const [site, positions] of byEntity(live)) {
    const spans = truth.filter((one) => one.type === 'episode' && one.entity === site);
    const calm = (at: number): boolean => {
      const time = live[at]!.time;
      return !spans.some(
        (span) => span.type === 'episode' && span.from < time + 2 * DAY_MS && span.to > time - DAY_MS,
      );
    };
    for (let at = 14 * DAY_ROWS; at + 2 * DAY_ROWS < positions.length; at += 4 * DAY_ROWS) {
      const start = at + random.below(DAY_ROWS);
      const week = positions.slice(start - 7 * DAY_ROWS, start).map((position) => live[position]!);
      const kind = FAULT_KINDS[planted.length % FAULT_KINDS.length]!;
      const fields = WATER.filter((field) => deviation(week, field).readings > 0.95 * week.length);
      if (!calm(positions[start]!) || fields.length < 2) continue;
      const field = pick(random, fields);
      const other = pick(
        random,
        fields.filter((name) => name !== field),
      );
      planted.push(
        plantIn(live, positions.slice(start, start + (kind === 'spike' ? 1 : DAY_ROWS)), week, random, {
          kind,
          field,
          other,
          convert: WATER_UNITS[field]!,
        }),
      );
    }
  }
  return { events: live, untouched, planted };
}

const SHIFT_ROWS = 60;
const SETTLED_ROWS = 200;

/** Normal units of the plants, a fault of three hours in each after its first ten hours. */
export async function plantedPlant(folder: string, seed: number, events: number): Promise<PlantedStream> {
  const source = productionSource({
    folder,
    seed,
    instruments: SHIPPED_INSTRUMENTS,
    rows: 'live',
    faultShare: 0,
  });
  const live = (await collect(source, events)).events;
  const untouched = live.map(({ event }) => event);
  const random = new Random(seed, 72);
  const planted: Planted[] = [];
  for (const positions of byEntity(live).values()) {
    const start = SETTLED_ROWS + random.below(60);
    if (start + SHIFT_ROWS > positions.length) continue;
    const before = positions.slice(0, start).map((position) => live[position]!);
    const kind = FAULT_KINDS[planted.length % FAULT_KINDS.length]!;
    // A variable that hardly moves can't be told from a stuck one.
    const moving = VARIABLES.filter(
      (name) => new Set(before.slice(-20).map(({ event }) => event[name])).size > 10,
    );
    const field = pick(random, moving);
    const other = pick(
      random,
      VARIABLES.filter((name) => name !== field),
    );
    planted.push(
      plantIn(live, positions.slice(start, start + (kind === 'spike' ? 1 : SHIFT_ROWS)), before, random, {
        kind,
        field,
        other,
        convert: (value) => value * 1.8 + 32,
      }),
    );
  }
  return { events: live, untouched, planted };
}

function plantIn(
  live: readonly StreamEvent[],
  positions: readonly number[],
  before: readonly StreamEvent[],
  random: Random,
  fault: { kind: FaultKind; field: string; other: string; convert: (value: number) => number },
): Planted {
  const readings = before.flatMap(({ event }) =>
    typeof event[fault.field] === 'number' ? [event[fault.field] as number] : [],
  );
  plantSensorFault(
    positions.map((position) => live[position]!),
    { ...fault, scale: deviation(before, fault.field).scale },
    readings.at(-1)!,
    random.unit() < 0.5 ? 1 : -1,
  );
  const fields = fault.kind === 'swapped sensors' ? [fault.field, fault.other] : [fault.field];
  return { entity: live[positions[0]!]!.key, kind: fault.kind, fields, positions };
}

const AMOUNT_FACTOR = 20;
const PAYMENT_FAULTS: Readonly<Record<string, (event: Record<string, unknown>) => Record<string, unknown>>> =
  {
    amount: (event) => ({ ...event, amount: (event['amount'] as number) * AMOUNT_FACTOR }),
    merchant: (event) => ({ ...event, merchant: 'never-seen' }),
    currency: (event) => ({ ...event, currency: 'XTS' }),
    country: (event) => ({ ...event, country: 'AQ' }),
  };
const KNOWN_PAYMENTS = 20;

/** Genuine payments with one field changed, each of a card that is known by then. */
export async function plantedPayments(seed: number, customers: number, days: number): Promise<PlantedStream> {
  const { events: live, truth } = await collect(
    transactionsSource({ seed, customers, terminals: 2 * customers, days }),
  );
  const untouched = live.map(({ event }) => event);
  const bad = new Set(truth.flatMap((one) => (one.type === 'event' ? [one.eventId] : [])));
  const random = new Random(seed, 73);
  const planted: Planted[] = [];
  const kinds = Object.keys(PAYMENT_FAULTS);
  for (const [card, positions] of byEntity(live)) {
    if (positions.length <= KNOWN_PAYMENTS + 5) continue;
    const position = positions[KNOWN_PAYMENTS + random.below(positions.length - KNOWN_PAYMENTS)]!;
    if (bad.has(live[position]!.event['id'] as string)) continue;
    const field = kinds[planted.length % kinds.length]!;
    live[position]!.event = PAYMENT_FAULTS[field]!(live[position]!.event);
    planted.push({ entity: card, kind: field, fields: [field], positions: [position] });
  }
  return { events: live, untouched, planted };
}
