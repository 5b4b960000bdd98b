import { decompressBlock } from 'lz4js';

/** The bytes are no LZ4 frame, or a damaged one. */
export class Lz4Error extends Error {
  override readonly name = 'Lz4Error';
}

const MAGIC = 0x184d2204;
const SKIPPABLE = 0x184d2a50;
const BLOCK_SIZES: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 };
/** What one batch may unpack to. Kafka's own limit is 1 MB packed; LZ4 packs at most 255:1. */
const MAX_OUTPUT = 256 << 20;

/**
 * Reads one or more LZ4 frames (github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md): linked or independent blocks,
 * with or without content size, block checksums and content checksum. lz4js unpacks the blocks; its own frame reader
 * isn't used, because it looks for a block's checksum before the block instead of after it. Checksums are passed over:
 * Kafka's batches have a CRC of their own.
 */
export function decodeLz4Frames(input: Buffer): Buffer {
  const frames: Buffer[] = [];
  let at = 0;
  while (at < input.length) {
    const magic = readUInt32(input, at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + readUInt32(input, at + 4);
      continue;
    }
    if (magic !== MAGIC) throw new Lz4Error(`no LZ4 frame at byte ${at}`);
    const frame = decodeFrame(input, at + 4);
    frames.push(frame.output);
    at = frame.end;
  }
  return frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames);
}

function decodeFrame(input: Buffer, start: number): { output: Buffer; end: number } {
  const flags = readByte(input, start);
  if (flags >> 6 !== 1) throw new Lz4Error(`LZ4 frame version ${flags >> 6} is unknown`);
  const blockChecksums = (flags & 0x10) !== 0;
  const contentSize = (flags & 0x08) !== 0;
  const contentChecksum = (flags & 0x04) !== 0;
  if ((flags & 0x01) !== 0) throw new Lz4Error('the LZ4 frame needs a dictionary, which Kafka does not use');
  const blockSize = BLOCK_SIZES[(readByte(input, start + 1) >> 4) & 7];
  if (!blockSize) throw new Lz4Error('the LZ4 frame names a block size that does not exist');

  const firstBlock = start + 2 + (contentSize ? 8 : 0) + 1;
  const blocks = findBlocks(input, firstBlock, blockChecksums);
  const bound = blocks.found.reduce((sum, block) => sum + (block.packed ? blockSize : block.length), 0);
  if (bound > MAX_OUTPUT + blockSize)
    throw new Lz4Error(`the LZ4 frame would unpack to over ${MAX_OUTPUT} bytes`);

  // Blocks may refer to what the blocks before them held, so all go into one array.
  const output = Buffer.allocUnsafe(bound);
  let size = 0;
  for (const block of blocks.found) {
    if (block.packed) {
      const end = decompressBlock(input, output, block.at, block.length, size);
      if (!(end - size <= blockSize))
        throw new Lz4Error('an LZ4 block unpacks to more than its frame allows');
      size = end;
    } else {
      size += input.copy(output, size, block.at, block.at + block.length);
    }
  }
  return { output: output.subarray(0, size), end: blocks.end + (contentChecksum ? 4 : 0) };
}

interface Block {
  at: number;
  length: number;
  packed: boolean;
}

function findBlocks(input: Buffer, start: number, checksums: boolean): { found: Block[]; end: number } {
  const found: Block[] = [];
  let at = start;
  for (;;) {
    const header = readUInt32(input, at);
    at += 4;
    if (header === 0) return { found, end: at };
    const length = header & 0x7fffffff;
    if (at + length > input.length)
      throw new Lz4Error(
        `the LZ4 frame is cut off: a block of ${length} bytes starts at byte ${at} of ${input.length}`,
      );
    found.push({ at, length, packed: header >>> 31 === 0 });
    at += length + (checksums ? 4 : 0);
  }
}

function readByte(input: Buffer, at: number): number {
  const value = input[at];
  if (value === undefined) throw new Lz4Error('the LZ4 frame is cut off in its header');
  return value;
}

function readUInt32(input: Buffer, at: number): number {
  if (at + 4 > input.length) throw new Lz4Error(`the LZ4 frame is cut off at byte ${at}`);
  return input.readUInt32LE(at);
}
