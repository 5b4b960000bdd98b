import type { Random } from '../../pipelines/random.js';

/** One event of a stream that faults are planted in. */
export interface StreamEvent {
  readonly key: string;
  readonly time: number;
  event: Record<string, unknown>;
}

export const FAULT_KINDS = [
  'spike',
  'offset',
  'drift',
  'stuck',
  'dropout',
  'unit change',
  'swapped sensors',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A fault in events [from, to) of one entity, counted in that entity's own events. */
export interface Planted {
  readonly entity: string;
  readonly kind: string;
  /** what a right reason may name first: one field, or both of two that were swapped */
  readonly fields: readonly string[];
  /** positions in the stream, in order */
  readonly positions: readonly number[];
}

export interface SensorFault {
  readonly kind: FaultKind;
  readonly field: string;
  /** the field that it is swapped with */
  readonly other: string;
  /** what a small step of the field is */
  readonly scale: number;
  /** the readings before and after a change of unit */
  readonly convert: (value: number) => number;
}

/** how many of a field's own deviations a planted fault has */
export const SIZES = { spike: 10, offset: 5, drift: 8 } as const;

/** Plants one fault in `rows`, the entity's events from its beginning to its end; `before` is the last reading before. */
export function plantSensorFault(
  rows: readonly StreamEvent[],
  fault: SensorFault,
  before: number,
  sign: number,
): void {
  rows.forEach((row, i) => {
    const value = row.event[fault.field];
    if (typeof value !== 'number' && fault.kind !== 'stuck') return;
    const reading = value as number;
    const put = (planted: number | null): void => {
      row.event = { ...row.event, [fault.field]: planted };
    };
    const { scale } = fault;
    switch (fault.kind) {
      case 'spike':
        put(reading + sign * SIZES.spike * scale);
        break;
      case 'offset':
        put(reading + sign * SIZES.offset * scale);
        break;
      case 'drift':
        put(reading + (sign * SIZES.drift * scale * (i + 1)) / rows.length);
        break;
      case 'stuck':
        put(before);
        break;
      case 'dropout':
        put(null);
        break;
      case 'unit change':
        put(fault.convert(reading));
        break;
      case 'swapped sensors':
        row.event = { ...row.event, [fault.field]: row.event[fault.other], [fault.other]: reading };
        break;
    }
  });
}

/** Standard deviation of a field over some events, and how many had a reading. */
export function deviation(rows: readonly StreamEvent[], field: string): { scale: number; readings: number } {
  const values = rows.flatMap(({ event }) => (typeof event[field] === 'number' ? [event[field]] : []));
  const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return { scale: Math.sqrt(squares / values.length), readings: values.length };
}

/** What became of the planted faults of one kind. */
export interface KindFigures {
  readonly planted: number;
  readonly found: number;
  /** found faults whose first risk names a planted field first */
  readonly right: number;
  /** events from the beginning of a found fault to its first risk, in the middle */
  readonly medianDelay: number;
}

/** Follows a scored stream and takes down, for each planted fault, its first risk. */
export class PlantedTally {
  readonly #at = new Map<number, { planted: Planted; index: number }>();
  readonly #found = new Map<Planted, { delay: number; right: boolean }>();

  /** @param anyway positions that are a risk without any fault: what is said there isn't about the fault */
  constructor(
    readonly planted: readonly Planted[],
    private readonly anyway: ReadonlySet<number> = new Set(),
  ) {
    for (const one of planted) {
      one.positions.forEach((position, index) => {
        this.#at.set(position, { planted: one, index });
      });
    }
  }

  /** A risk at a position of the stream; `firstReason` gives the field that its first reason is about. */
  risk(position: number, firstReason: () => string): void {
    const hit = this.#at.get(position);
    if (hit === undefined || this.#found.has(hit.planted) || this.anyway.has(position)) return;
    const right = hit.planted.fields.includes(firstReason());
    this.#found.set(hit.planted, { delay: hit.index, right });
  }

  byKind(): Map<string, KindFigures> {
    const kinds = new Map<string, KindFigures>();
    for (const kind of new Set(this.planted.map((one) => one.kind))) {
      const all = this.planted.filter((one) => one.kind === kind);
      const found = all.flatMap((one) => this.#found.get(one) ?? []);
      const delays = found.map(({ delay }) => delay).sort((a, b) => a - b);
      kinds.set(kind, {
        planted: all.length,
        found: found.length,
        right: found.filter(({ right }) => right).length,
        medianDelay: delays[delays.length >> 1] ?? Number.NaN,
      });
    }
    return kinds;
  }
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}
