import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hashString } from '../../detection/features/hash.js';
import { rowsPage } from '../../detection/state/encoding.js';
import type { BlockLayout, SlabOverflow } from '../../detection/state/slab.js';
import { PlaceIndex } from './place-index.js';

/** what rows are placed by, in bytes */
const BLOCK = 64;
const PAGE_BYTES = 400_000;
/** bytes read of a row before its key's length is known: most keys are shorter than this */
const KEY_GUESS = 64;

/** Rows that the slab had no room for as they were at a checkpoint. They stay readable until `close`. */
export interface SpilledRows {
  readonly rows: number;
  /** their pages, read from the file as they are asked for */
  pages(): Generator<Uint8Array>;
  close(): void;
}

/**
 * Entities beyond the slab's bound, in a file of this process: a row that is forgotten goes there and comes back when
 * its entity is met again, so a score doesn't depend on what fitted into memory. The file is no record of anything: it
 * has no name (it ends with the process, however that ends), and a restore fills it anew from the state topic.
 *
 * Memory: 12 to 24 bytes a row, for the index. Rows lie on disk in multiples of 64 bytes, and places are used again, so
 * the file is as large as the most rows that were ever out at once. Reads and writes are synchronous: they are those
 * of the file system's cache, some microseconds each.
 */
export class Spill implements SlabOverflow {
  readonly #layout: readonly BlockLayout[];
  readonly #folder: string;
  readonly #index = new PlaceIndex();
  /** places that can be used again, by length in blocks */
  readonly #free = new Map<number, number[]>();
  /** freed while checkpoints still read them: length and place in turn */
  #held: number[] = [];
  #reading = 0;
  #changed = new Set<number>();
  #end = 0;
  #file: number | undefined;
  #closed = false;
  #buffer: Buffer;

  constructor(layout: readonly BlockLayout[], folder: string) {
    this.#layout = layout;
    this.#folder = folder;
    const floats = layout.reduce((sum, { size }) => sum + size, 0);
    this.#buffer = Buffer.alloc(10 + KEY_GUESS + 4 * floats);
  }

  get size(): number {
    return this.#index.size;
  }

  /** of the file */
  get bytes(): number {
    return this.#end * BLOCK;
  }

  put(key: string, time: number, row: Float32Array, changed: boolean): void {
    const keyLength = Buffer.byteLength(key);
    const length = 10 + keyLength + row.byteLength;
    const buffer = this.#roomFor(length);
    buffer.writeUInt16LE(keyLength, 0);
    buffer.write(key, 2);
    buffer.writeDoubleLE(time, 2 + keyLength);
    buffer.set(new Uint8Array(row.buffer, row.byteOffset, row.byteLength), 10 + keyLength);
    const blocks = Math.ceil(length / BLOCK);
    const place = this.#free.get(blocks)?.pop() ?? this.#end;
    this.#write(buffer, length, place);
    if (place === this.#end) this.#end += blocks;
    this.#index.add(hashString(key), place);
    if (changed) this.#changed.add(place);
  }

  take(key: string, row: Float32Array): number | undefined {
    if (this.#index.size === 0) return undefined;
    const hash = hashString(key);
    let time: number | undefined;
    const place = this.#index.take(hash, (candidate) => {
      const keyLength = this.#read(candidate);
      if (this.#buffer.toString('utf8', 2, 2 + keyLength) !== key) return false;
      time = this.#buffer.readDoubleLE(2 + keyLength);
      const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
      bytes.set(this.#buffer.subarray(10 + keyLength, 10 + keyLength + row.byteLength));
      this.#release(candidate, Math.ceil((10 + keyLength + row.byteLength) / BLOCK));
      return true;
    });
    if (place !== undefined) this.#changed.delete(place);
    return time;
  }

  /** The rows for a checkpoint: all of them, or what has changed since the one before. Close them when they are written. */
  rowsOf(whole: boolean): SpilledRows {
    const places = whole ? this.#index.places() : Uint32Array.from(this.#changed);
    this.#changed = new Set();
    places.sort();
    this.#reading++;
    let open = true;
    return {
      rows: places.length,
      pages: () => this.#pages(places),
      close: () => {
        if (!open) return;
        open = false;
        this.#reading--;
        if (this.#reading > 0) return;
        const held = this.#held;
        this.#held = [];
        for (let i = 0; i < held.length; i += 2) this.#giveBack(held[i]!, held[i + 1]!);
      },
    };
  }

  /** Gives the disk space back. What is read afterwards fails. */
  close(): void {
    this.#closed = true;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  *#pages(places: Uint32Array): Generator<Uint8Array> {
    let rows: Buffer[] = [];
    let bytes = 0;
    for (const place of places) {
      const keyLength = this.#read(place);
      const row = Buffer.from(this.#buffer.subarray(0, this.#lengthOf(keyLength)));
      if (rows.length > 0 && bytes + row.length > PAGE_BYTES) {
        yield rowsPage(this.#layout, rows);
        rows = [];
        bytes = 0;
      }
      rows.push(row);
      bytes += row.length;
    }
    if (rows.length > 0) yield rowsPage(this.#layout, rows);
  }

  #lengthOf(keyLength: number): number {
    return 10 + keyLength + 4 * this.#layout.reduce((sum, { size }) => sum + size, 0);
  }

  /** Reads the row at a place into the buffer; the length of its key. */
  #read(place: number): number {
    const file = this.#opened();
    readSync(file, this.#buffer, 0, this.#buffer.length, place * BLOCK);
    const keyLength = this.#buffer.readUInt16LE(0);
    const length = this.#lengthOf(keyLength);
    if (length > this.#buffer.length) readSync(file, this.#roomFor(length), 0, length, place * BLOCK);
    return keyLength;
  }

  #write(buffer: Buffer, length: number, place: number): void {
    try {
      for (let at = 0; at < length; )
        at += writeSync(this.#opened(), buffer, at, length - at, place * BLOCK + at);
    } catch (error) {
      throw new Error(
        `an entity beyond RISKWIRE_MAX_ENTITIES could not be put into a file in ${this.#folder}: make room there, name another folder in RISKWIRE_SPILL_DIR, or raise RISKWIRE_MAX_ENTITIES`,
        { cause: error },
      );
    }
  }

  #opened(): number {
    if (this.#closed)
      throw new Error('the entities beyond the bound of memory were given up with their partition');
    if (this.#file === undefined) {
      const folder = mkdtempSync(join(this.#folder, 'riskwire-spill-'));
      this.#file = openSync(join(folder, 'rows'), 'wx+', 0o600);
      // Without a name it is gone with the process, kill -9 or not.
      rmSync(folder, { recursive: true });
    }
    return this.#file;
  }

  #roomFor(length: number): Buffer {
    if (length > this.#buffer.length) this.#buffer = Buffer.alloc(length);
    return this.#buffer;
  }

  #release(place: number, blocks: number): void {
    if (this.#reading > 0) this.#held.push(blocks, place);
    else this.#giveBack(blocks, place);
  }

  #giveBack(blocks: number, place: number): void {
    const places = this.#free.get(blocks);
    if (places === undefined) this.#free.set(blocks, [place]);
    else places.push(place);
  }
}
