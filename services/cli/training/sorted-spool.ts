import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Spooled {
  /** what it is sorted by */
  readonly time: number;
  readonly key: string;
  readonly value: Buffer;
}

/** bytes of records that are held before they are sorted and written to a temporary file */
const RUN_BYTES = 64 << 20;
/** what each record takes beside its key and value */
const OVERHEAD = 200;
const READ_BYTES = 1 << 20;
/** time, length of the key, length of the value */
const HEADER = 16;

/**
 * Puts records into the order of their time (those of one time stay as they came), in bounded memory: sorted runs of
 * 64 MB go to a temporary file each and are merged when they are read, one MB of each at a time. What fits into one
 * run never touches the disk.
 */
export class SortedSpool {
  #held: Spooled[] = [];
  #bytes = 0;
  #records = 0;
  readonly #runs: string[] = [];
  #folder: string | undefined;

  /** @param runBytes for tests */
  constructor(private readonly runBytes = RUN_BYTES) {}

  get records(): number {
    return this.#records;
  }

  /** how many runs were written to disk */
  get runs(): number {
    return this.#runs.length;
  }

  add(record: Spooled): void {
    this.#held.push(record);
    this.#records++;
    this.#bytes += record.key.length + record.value.length + OVERHEAD;
    if (this.#bytes >= this.runBytes) this.#write();
  }

  #sorted(): Spooled[] {
    // stable
    return this.#held.sort((a, b) => a.time - b.time);
  }

  #write(): void {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'riskwire-sort-'));
    const path = join(this.#folder, `run-${this.#runs.length}`);
    const file = openSync(path, 'wx');
    try {
      let chunk: Buffer[] = [];
      let bytes = 0;
      const flush = () => {
        const all = Buffer.concat(chunk);
        for (let at = 0; at < all.length; ) at += writeSync(file, all, at);
        chunk = [];
        bytes = 0;
      };
      for (const { time, key, value } of this.#sorted()) {
        const name = Buffer.from(key);
        const header = Buffer.allocUnsafe(HEADER);
        header.writeDoubleLE(time, 0);
        header.writeUInt32LE(name.length, 8);
        header.writeUInt32LE(value.length, 12);
        chunk.push(header, name, value);
        bytes += HEADER + name.length + value.length;
        if (bytes >= READ_BYTES) flush();
      }
      flush();
    } finally {
      closeSync(file);
    }
    this.#runs.push(path);
    this.#held = [];
    this.#bytes = 0;
  }

  /** The records in order; may be called once. */
  *read(): Generator<Spooled> {
    const sources: Iterator<Spooled>[] = this.#runs.map((path) => readRun(path));
    sources.push(this.#sorted()[Symbol.iterator]());
    const heads = sources.map((source) => source.next());
    try {
      for (;;) {
        let first = -1;
        for (let i = 0; i < heads.length; i++) {
          const head = heads[i]!;
          if (head.done) continue;
          // earlier runs were added earlier: at the same time they come first
          if (first < 0 || head.value.time < (heads[first]!.value as Spooled).time) first = i;
        }
        if (first < 0) return;
        yield heads[first]!.value as Spooled;
        heads[first] = sources[first]!.next();
      }
    } finally {
      for (const source of sources) source.return?.();
    }
  }

  /** Removes the temporary files. */
  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}

function* readRun(path: string): Generator<Spooled> {
  const file = openSync(path, 'r');
  let buffer: Buffer = Buffer.alloc(0);
  let at = 0;
  const ensure = (bytes: number): boolean => {
    if (buffer.length - at >= bytes) return true;
    const fresh = Buffer.allocUnsafe(Math.max(READ_BYTES, bytes));
    const rest = buffer.copy(fresh, 0, at);
    const read = readSync(file, fresh, rest, fresh.length - rest, null);
    buffer = fresh.subarray(0, rest + read);
    at = 0;
    return buffer.length >= bytes;
  };
  try {
    while (ensure(HEADER)) {
      const time = buffer.readDoubleLE(at);
      const key = buffer.readUInt32LE(at + 8);
      const value = buffer.readUInt32LE(at + 12);
      if (!ensure(HEADER + key + value)) throw new Error(`${path} ends within a record: is the disk full?`);
      const from = at + HEADER;
      at = from + key + value;
      yield {
        time,
        key: buffer.toString('utf8', from, from + key),
        value: Buffer.from(buffer.subarray(from + key, at)),
      };
    }
  } finally {
    closeSync(file);
  }
}
