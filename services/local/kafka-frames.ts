import { Transform, type TransformCallback } from 'node:stream';

/** The broker's own bound on a request. */
const MAX_FRAME_BYTES = 100_000_000;

/** What to do with a frame, told from its first bytes: let it pass as it comes, or collect it and change it in place. */
export type FrameRule = (head: Buffer) => ((frame: Buffer) => void) | undefined;

/**
 * A stream of Kafka frames (4 bytes length, then that many bytes). Frames that the rule doesn't name pass through
 * without being collected or copied.
 */
export class FrameStream extends Transform {
  private pending: Buffer = Buffer.alloc(0);
  private passing = 0;

  /** headBytes: how much of a frame, its length included, the rule must see; no frame is shorter */
  constructor(
    private readonly headBytes: number,
    private readonly rule: FrameRule,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.consume(chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  private consume(chunk: Buffer): void {
    let rest = chunk;
    if (this.passing > 0) rest = this.pass(rest);
    if (rest.length === 0) return;
    if (this.pending.length > 0) rest = Buffer.concat([this.pending, rest]);
    this.pending = rest.subarray(0, 0);
    while (rest.length >= this.headBytes) {
      const size = rest.readInt32BE(0) + 4;
      if (size < this.headBytes || size > MAX_FRAME_BYTES)
        throw new Error(`not a Kafka frame: ${size} bytes`);
      const edit = this.rule(rest);
      if (!edit) {
        this.passing = size;
        rest = this.pass(rest);
      } else if (rest.length >= size) {
        const frame = Buffer.from(rest.subarray(0, size));
        edit(frame);
        this.push(frame);
        rest = rest.subarray(size);
      } else break;
    }
    this.pending = rest;
  }

  private pass(bytes: Buffer): Buffer {
    const count = Math.min(this.passing, bytes.length);
    this.push(bytes.subarray(0, count));
    this.passing -= count;
    return bytes.subarray(count);
  }
}

/** Walks a frame's fields. `flexible` versions have compact lengths and tagged fields (KIP-482). */
export class FrameReader {
  constructor(
    private readonly frame: Buffer,
    public position: number,
    private readonly flexible: boolean,
  ) {}

  int16(): number {
    this.position += 2;
    return this.frame.readInt16BE(this.position - 2);
  }

  int32(): number {
    this.position += 4;
    return this.frame.readInt32BE(this.position - 4);
  }

  arrayLength(): number {
    return this.flexible ? this.varint() - 1 : this.int32();
  }

  skipString(): void {
    const length = this.flexible ? this.varint() - 1 : this.int16();
    this.position += Math.max(0, length);
  }

  skipTags(): void {
    if (!this.flexible) return;
    for (let left = this.varint(); left > 0; left -= 1) {
      this.varint();
      const length = this.varint();
      this.position += length;
    }
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.frame.readUInt8(this.position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
}
