/** A request that isn't what its API says. The connection it came on is closed. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
}

/** Reads Kafka's primitive types (big-endian; lengths before strings, bytes and arrays). */
export class Reader {
  constructor(
    private readonly buffer: Buffer,
    private at = 0,
  ) {}

  int8(): number {
    return this.buffer.readInt8(this.step(1));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    return this.buffer.readInt16BE(this.step(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.step(4));
  }

  /** Offsets and timestamps as numbers: exact up to 2^53, which neither reaches here. */
  int64(): number {
    return Number(this.buffer.readBigInt64BE(this.step(8)));
  }

  bigint(): bigint {
    return this.buffer.readBigInt64BE(this.step(8));
  }

  nullableString(): string | undefined {
    const length = this.int16();
    if (length < 0) return undefined;
    const start = this.step(length);
    return this.buffer.toString('utf8', start, start + length);
  }

  string(): string {
    const text = this.nullableString();
    if (text === undefined) throw new MalformedRequest('a string is null where it may not be');
    return text;
  }

  nullableBytes(): Buffer | undefined {
    const length = this.int32();
    if (length < 0) return undefined;
    const start = this.step(length);
    return this.buffer.subarray(start, start + length);
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? Buffer.alloc(0);
  }

  /** undefined for a null array */
  nullableArray<T>(item: (reader: Reader) => T): T[] | undefined {
    const length = this.int32();
    if (length < 0) return undefined;
    const items: T[] = [];
    for (let left = length; left > 0; left -= 1) items.push(item(this));
    return items;
  }

  array<T>(item: (reader: Reader) => T): T[] {
    return this.nullableArray(item) ?? [];
  }

  private step(bytes: number): number {
    const from = this.at;
    this.at += bytes;
    if (this.at > this.buffer.length) throw new MalformedRequest('a request ends before its last field');
    return from;
  }
}

const BLOCK_BYTES = 1024;

/** Writes Kafka's primitive types. Large byte strings are taken over, not copied. */
export class Writer {
  private readonly parts: Buffer[] = [];
  private block = Buffer.allocUnsafe(BLOCK_BYTES);
  private used = 0;
  private flushed = 0;

  int8(value: number): this {
    const at = this.room(1);
    this.block.writeInt8(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.room(2);
    this.block.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.room(4);
    this.block.writeInt32BE(value, at);
    return this;
  }

  int64(value: number | bigint): this {
    const at = this.room(8);
    this.block.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  string(value: string | undefined): this {
    if (value === undefined) return this.int16(-1);
    const bytes = Buffer.from(value);
    return this.int16(bytes.length).raw(bytes);
  }

  bytes(value: Buffer | undefined): this {
    return value === undefined ? this.int32(-1) : this.int32(value.length).raw(value);
  }

  /** Byte strings that together are one, as in a fetch. */
  joined(values: readonly Buffer[]): this {
    this.int32(values.reduce((sum, value) => sum + value.length, 0));
    for (const value of values) this.raw(value);
    return this;
  }

  array<T>(items: readonly T[], item: (value: T, writer: this) => unknown): this {
    this.int32(items.length);
    for (const value of items) item(value, this);
    return this;
  }

  /** What was written, behind its length: a frame. */
  frame(): Buffer[] {
    this.flush();
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(this.flushed);
    return [length, ...this.parts];
  }

  private raw(value: Buffer): this {
    if (value.length > BLOCK_BYTES / 4) {
      this.flush();
      this.parts.push(value);
      this.flushed += value.length;
    } else {
      const at = this.room(value.length);
      value.copy(this.block, at);
    }
    return this;
  }

  /** Where so many bytes may be written. It may begin a new block, so it has to be asked before the block is. */
  private room(bytes: number): number {
    if (this.used + bytes > BLOCK_BYTES) this.flush();
    const at = this.used;
    this.used += bytes;
    return at;
  }

  private flush(): void {
    if (this.used === 0) return;
    this.parts.push(this.block.subarray(0, this.used));
    this.flushed += this.used;
    this.block = Buffer.allocUnsafe(BLOCK_BYTES);
    this.used = 0;
  }
}
