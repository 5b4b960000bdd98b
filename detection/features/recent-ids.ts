import type { StateBlock } from '../contract.js';
import { hashAsciiTwice, hashString } from './hash.js';

/** An entity's event ids are remembered for so many of its events. */
export const REMEMBERED = 8;
/** two hashes of 24 bits an id, which floats hold exactly, and where the next one goes */
export const RECENT_FLOATS = 2 * REMEMBERED + 1;

const MASK = 0xffffff;
const LOW_SEED = 0x5ee1;
const HIGH_SEED = 0x0dd5;

/**
 * A ring of an entity's newest event ids, so that an event that a producer sent twice counts once. Hashes of 48 bits:
 * two ids of one entity are taken for each other about once in 10^13 events.
 * @returns whether the id is among the entity's last ones; if not it is remembered
 */
export function isRepeat({ data, stride, offset }: StateBlock, slot: number, id: string): boolean {
  return isKnown(data, slot * stride + offset, hashString(id, LOW_SEED), hashString(id, HIGH_SEED));
}

const halves = new Uint32Array(2);

/** As `isRepeat`, for the id in bytes[from, to), without making its text. */
export function isRepeatBytes(
  { data, stride, offset }: StateBlock,
  slot: number,
  bytes: Buffer,
  from: number,
  to: number,
): boolean {
  const start = slot * stride + offset;
  if (!hashAsciiTwice(bytes, from, to, LOW_SEED, HIGH_SEED, halves))
    return isRepeat({ data, stride, offset }, slot, bytes.toString('utf8', from, to));
  return isKnown(data, start, halves[0]!, halves[1]!);
}

function isKnown(data: Float32Array, start: number, lowHash: number, highHash: number): boolean {
  const low = lowHash & MASK;
  // Never 0: that is a place of the ring in which nothing was put yet.
  const high = highHash & MASK || 1;
  for (let i = 0; i < REMEMBERED; i++) {
    if (data[start + 2 * i] === high && data[start + 2 * i + 1] === low) return true;
  }
  const cursor = start + 2 * REMEMBERED;
  const next = data[cursor]!;
  data[start + 2 * next] = high;
  data[start + 2 * next + 1] = low;
  data[cursor] = (next + 1) % REMEMBERED;
  return false;
}
