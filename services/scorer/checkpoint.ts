import { randomUUID } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * Checkpoints of a partition's state, on one partition of a compacted topic that is co-partitioned with the input.
 *
 * A checkpoint is a set of pages under keys of its own (`<id>/<kind><n>`) and, last, a marker (`<id>/marker`)
 * that names the checkpoints it builds on: a whole one, then the changes since. Nothing is ever written over,
 * so a checkpoint without its marker (the writer died) doesn't exist, and the one before it is still there.
 * The state at an offset is a function of the log alone, so whoever wrote a marker, the one with the highest
 * offset is right. Old checkpoints are deleted (tombstones) only after the offsets of a newer whole one were
 * committed, which a member that has lost its partition can't do. An owner's first checkpoint is a whole one, so what
 * it commits rests on pages of its own alone: a former owner that is slow to delete what it knows of has never heard
 * of them, and whoever has is a later owner, past a whole one of its own.
 */
export interface StateRecord {
  readonly key: string;
  readonly value: Buffer | null;
}

const Marker = Type.Object({
  format: Type.Literal(1),
  id: Type.String(),
  /** the checkpoints that make the state, in the order they are laid over each other, this one last */
  chain: Type.Array(Type.Object({ id: Type.String(), pages: Type.Integer({ minimum: 0 }) })),
  /** offset of the first event that the state has not seen */
  next: Type.String(),
  /** newest event time seen, epoch ms; null before any */
  watermark: Type.Union([Type.Number(), Type.Null()]),
  /** the model that the state was made with */
  model: Type.String(),
  /** the partition's alert budget, see AlertBudget */
  budget: Type.Array(Type.Number()),
});
type Marker = Static<typeof Marker>;
const marker = Compile(Marker);

/** kinds of pages: what they are called, and how their keys begin */
const KIND = { domains: 'd', entities: 'e', pending: 'p', visits: 'v', stage: 's' } as const;

export interface Page {
  readonly kind: keyof typeof KIND;
  readonly bytes: Uint8Array;
}

/** What a checkpoint says of the state besides its pages. */
export interface StatePoint {
  readonly next: bigint;
  readonly watermark: number;
  readonly model: string;
  readonly budget: readonly number[];
}

/** A checkpoint that is being written. */
export interface CheckpointDraft {
  page(page: Page): StateRecord;
  marker(point: StatePoint): StateRecord;
}

/** What is known of one state partition: reads it, and makes the records of the next checkpoint. */
export class CheckpointLog {
  readonly #keys = new Set<string>();
  #chain: Marker['chain'] = [];
  #wholeBytes = 0;
  #deltaBytes = 0;

  /** whether the next checkpoint must be a whole one: this owner has made none, or the changes since outweigh it */
  get wholeDue(): boolean {
    return this.#chain.length === 0 || this.#deltaBytes > this.#wholeBytes || this.#chain.length > 200;
  }

  /**
   * Finds the newest complete state among the records of a partition, read from its beginning to its end.
   * @returns its pages in the order to lay them over each other; undefined when there is none
   */
  restore(records: ReadonlyMap<string, Buffer>): { point: StatePoint; pages: Page[] } | undefined {
    let best: Marker | undefined;
    for (const [key, value] of records) {
      this.#keys.add(key);
      if (!key.endsWith('/marker')) continue;
      const found = parseMarker(value);
      if (found === undefined || (best !== undefined && BigInt(found.next) < BigInt(best.next))) continue;
      const complete = found.chain.every(({ id, pages }) => pagesOf(records, id).length === pages);
      if (complete) best = found;
    }
    if (best === undefined) return undefined;
    return {
      point: {
        next: BigInt(best.next),
        watermark: best.watermark ?? Number.NEGATIVE_INFINITY,
        model: best.model,
        budget: best.budget,
      },
      pages: best.chain.flatMap(({ id }) => pagesOf(records, id)),
    };
  }

  /**
   * Begins a checkpoint: first the records of all its pages, then, once those are acked, its marker; see `committed`
   * for the rest.
   */
  begin(whole: boolean): CheckpointDraft {
    const id = randomUUID();
    const counts = { domains: 0, entities: 0, pending: 0, visits: 0, stage: 0 };
    const built = whole ? [] : this.#chain;
    let pages = 0;
    let size = 0;
    return {
      page: ({ kind, bytes }) => {
        const key = `${id}/${KIND[kind]}${counts[kind]++}`;
        pages++;
        size += bytes.length;
        this.#keys.add(key);
        return { key, value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
      },
      marker: (point) => {
        if (whole) {
          this.#wholeBytes = size;
          this.#deltaBytes = 0;
        } else this.#deltaBytes += size;
        this.#chain = [...built, { id, pages }];
        const content: Marker = {
          format: 1,
          id,
          chain: this.#chain,
          next: String(point.next),
          watermark: Number.isFinite(point.watermark) ? point.watermark : null,
          model: point.model,
          budget: [...point.budget],
        };
        const key = `${id}/marker`;
        this.#keys.add(key);
        return { key, value: Buffer.from(JSON.stringify(content)) };
      },
    };
  }

  /** After the offsets of the newest checkpoint were committed: tombstones for all that it doesn't build on. */
  committed(): StateRecord[] {
    const ids = new Set(this.#chain.map(({ id }) => id));
    const newest = `${this.#chain.at(-1)?.id ?? ''}/marker`;
    const dead: StateRecord[] = [];
    for (const key of this.#keys) {
      const keep = key.endsWith('/marker') ? key === newest : ids.has(key.slice(0, key.indexOf('/')));
      if (!keep) dead.push({ key, value: null });
    }
    for (const { key } of dead) this.#keys.delete(key);
    return dead;
  }
}

function parseMarker(value: Buffer): Marker | undefined {
  try {
    const parsed = JSON.parse(value.toString('utf8')) as unknown;
    return marker.Check(parsed) ? parsed : undefined;
  } catch {
    // A marker of a format to come, or bytes that are none: the state is then rebuilt from what can be read.
    return undefined;
  }
}

function pagesOf(records: ReadonlyMap<string, Buffer>, id: string): Page[] {
  const pages: Page[] = [];
  for (const kind of Object.keys(KIND) as (keyof typeof KIND)[]) {
    for (let n = 0; ; n++) {
      const bytes = records.get(`${id}/${KIND[kind]}${n}`);
      if (bytes === undefined) break;
      pages.push({ kind, bytes });
    }
  }
  return pages;
}
