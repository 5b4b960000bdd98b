import { randomUUID } from 'node:crypto';
import type { KafkaMessage } from 'kafkajs';
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

export type PageKind = keyof typeof KIND;

export interface Page {
  readonly kind: PageKind;
  readonly bytes: Uint8Array;
}

/** What a checkpoint says of the state besides its pages. */
export interface StatePoint {
  readonly next: bigint;
  readonly watermark: number;
  readonly model: string;
  readonly budget: readonly number[];
}

/** Part of the log, to be read from `from` up to below `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** by offset, the pages to lay in the order of the log */
  readonly pages: ReadonlyMap<number, PageKind>;
}

export interface FoundState {
  readonly point: StatePoint;
  /** to be read one after the other */
  readonly stretches: readonly Stretch[];
}

/** What is known of a record of the partition besides its key. */
interface Noted {
  readonly offset: number;
  /** of a marker that can be read */
  readonly marker: Marker | undefined;
}

/** A checkpoint that is being written. */
export interface CheckpointDraft {
  page(page: Page): StateRecord;
  marker(point: StatePoint): StateRecord;
}

/** What is known of one state partition: reads it, and makes the records of the next checkpoint. */
export class CheckpointLog {
  readonly #keys = new Set<string>();
  #noted = new Map<string, Noted>();
  #chain: Marker['chain'] = [];
  #wholeBytes = 0;
  #deltaBytes = 0;

  /** whether the next checkpoint must be a whole one: this owner has made none, or the changes since outweigh it */
  get wholeDue(): boolean {
    return this.#chain.length === 0 || this.#deltaBytes > this.#wholeBytes || this.#chain.length > 200;
  }

  /** Takes note of a record of the partition, each in its turn from the beginning to the end. Pages are not kept. */
  note({ key, value, offset }: Pick<KafkaMessage, 'key' | 'value' | 'offset'>): void {
    if (key === null || key === undefined) return;
    const name = key.toString();
    if (value === null) {
      this.#noted.delete(name);
      return;
    }
    const marker = name.endsWith('/marker') ? parseMarker(value) : undefined;
    this.#noted.set(name, { offset: Number(offset), marker });
  }

  /** The newest complete state among the records that were noted; undefined when there is none. What was noted is forgotten. */
  newest(): FoundState | undefined {
    const noted = this.#noted;
    this.#noted = new Map();
    let best: Marker | undefined;
    for (const [key, { marker: found }] of noted) {
      this.#keys.add(key);
      if (found === undefined || (best !== undefined && BigInt(found.next) < BigInt(best.next))) continue;
      const complete = found.chain.every(({ id, pages }) => pagesOf(noted, id).size === pages);
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
      stretches: stretchesOf(best.chain.map(({ id }) => pagesOf(noted, id))),
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

function pagesOf(noted: ReadonlyMap<string, Noted>, id: string): Map<number, PageKind> {
  const pages = new Map<number, PageKind>();
  for (const kind of Object.keys(KIND) as PageKind[]) {
    for (let n = 0; ; n++) {
      const found = noted.get(`${id}/${KIND[kind]}${n}`);
      if (found === undefined) break;
      pages.set(found.offset, kind);
    }
  }
  return pages;
}

/**
 * Checkpoints are written one after the other, so most often the log has their pages in the order to lay them and one
 * stretch has them all. A request that was sent again and arrived twice can put a page behind those that are laid over
 * it; that is why the order is that of the chain, not of the log. Within a checkpoint no row is in two pages.
 */
function stretchesOf(chain: readonly ReadonlyMap<number, PageKind>[]): Stretch[] {
  const stretches: { from: number; to: number; pages: Map<number, PageKind> }[] = [];
  for (const pages of chain) {
    if (pages.size === 0) continue;
    let from = Number.POSITIVE_INFINITY;
    let to = 0;
    for (const offset of pages.keys()) {
      from = Math.min(from, offset);
      to = Math.max(to, offset + 1);
    }
    const last = stretches.at(-1);
    if (last === undefined || from < last.to) stretches.push({ from, to, pages: new Map(pages) });
    else {
      last.to = to;
      for (const [offset, kind] of pages) last.pages.set(offset, kind);
    }
  }
  return stretches;
}
