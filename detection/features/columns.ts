import { checkString, hashString } from './hash.js';

/** The fields of a micro-batch's events that a pipeline uses, in columns. Made once and filled again and again. */
export class EventColumns {
  size = 0;
  readonly capacity: number;
  readonly entities: string[];
  readonly domains: string[];
  /** IANA zone of each event */
  readonly zones: string[];
  /** event time, epoch ms */
  readonly times: Float64Array;
  /** position of each event in its partition */
  readonly offsets: Float64Array;
  /** numeric fields in the plan's order, in the event's own unit, NaN where missing */
  readonly numbers: readonly Float64Array[];
  /** category fields in the plan's order, '' where missing; see `hashes` for rows that were read from bytes */
  readonly categories: readonly string[][];
  /** the categories' hashString by row. Whoever reads events from bytes fills these and leaves out strings that nobody needs */
  readonly hashes: readonly Uint32Array[];
  /** checkString of the categories that are entities of their own; filled where `hashed` */
  readonly checks: readonly Uint32Array[];
  /**
   * Where a row's category was left in its bytes: from there to there of `bytes`; -1 where it is in `categories`. Of
   * use through `text` alone.
   */
  readonly textStarts: readonly Int32Array[];
  readonly textEnds: readonly Int32Array[];
  /** what the rows' texts lie in */
  bytes: Buffer | undefined;
  /** whether `hashes` are filled; if not, they are to be computed from `categories` */
  hashed = false;
  /** the slot of each row's entity, where it was looked up already; -1 where not */
  readonly slots: Int32Array;

  constructor(capacity: number, numbers: number, categories: number) {
    this.capacity = capacity;
    const strings = () => new Array<string>(capacity).fill('');
    this.entities = strings();
    this.domains = strings();
    this.zones = strings();
    this.times = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.numbers = Array.from({ length: numbers }, () => new Float64Array(capacity));
    this.categories = Array.from({ length: categories }, strings);
    this.hashes = Array.from({ length: categories }, () => new Uint32Array(capacity));
    this.checks = Array.from({ length: categories }, () => new Uint32Array(capacity));
    this.textStarts = Array.from({ length: categories }, () => new Int32Array(capacity).fill(-1));
    this.textEnds = Array.from({ length: categories }, () => new Int32Array(capacity));
    this.slots = new Int32Array(capacity).fill(-1);
  }

  /** Counts row `size`, whose numbers and categories are filled: its event's place, time and group. */
  close(domain: string, zone: string, time: number, offset: number): void {
    const row = this.size;
    this.domains[row] = domain;
    this.zones[row] = zone;
    this.times[row] = time;
    this.offsets[row] = offset;
    this.size = row + 1;
  }

  /** A row's category as text. */
  text(category: number, row: number): string {
    const start = this.textStarts[category]![row]!;
    return start < 0
      ? this.categories[category]![row]!
      : this.bytes!.toString('utf8', start, this.textEnds[category]![row]!);
  }

  /** Fills `checks` of a category where the rows came as strings. */
  check(category: number): void {
    if (this.hashed) return;
    const checks = this.checks[category]!;
    const values = this.categories[category]!;
    for (let row = 0; row < this.size; row++) checks[row] = checkString(values[row]!);
  }

  /** Fills `hashes` where the rows came as strings. */
  hash(): void {
    if (this.hashed) return;
    this.hashes.forEach((hashes, index) => {
      const values = this.categories[index]!;
      for (let row = 0; row < this.size; row++) hashes[row] = hashString(values[row]!);
    });
  }
}
