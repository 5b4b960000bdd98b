import type { StateBlock } from '../contract.js';
import { hashString } from './hash.js';

/** An entity's event ids are remembered for so many of its events. */
export const REMEMBERED = 8;
/** two hashes of 24 bits an id, which floats hold exactly, and where the next one goes */
export const RECENT_FLOATS = 2 * REMEMBERED + 1;

const MASK = 0xffffff;

/**
 * A ring of an entity's newest event ids, so that an event that a producer sent twice counts once. Hashes of 48 bits:
 * two ids of one entity are taken for each other about once in 10^13 events.
 * @returns whether the id is among the entity's last ones; if not it is remembered
 */
export function isRepeat({ data, stride, offset }: StateBlock, slot: number, id: string): boolean {
  const start = slot * stride + offset;
  const low = hashString(id, 0x5ee1) & MASK;
  // Never 0: that is a place of the ring in which nothing was put yet.
  const high = hashString(id, 0x0dd5) & MASK || 1;
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
