/** 32-bit FNV-1a over UTF-16 units with a final mix; the same on every machine, so state may hold what comes of it. */
export function hashString(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return mixed(hash) >>> 0;
}

/**
 * hashString of the text in bytes[start, end), without making it: false for bytes that aren't ASCII, whose text is to
 * be made. The hash is put into out[at].
 */
export function hashAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: number,
  out: Uint32Array,
  at: number,
): boolean {
  let hash = (0x811c9dc5 ^ seed) | 0;
  let all = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    all |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  out[at] = mixed(hash);
  return all < 0x80;
}

/** hashAscii by two seeds at a time, into out[0] and out[1]. */
export function hashAsciiTwice(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: number,
  other: number,
  out: Uint32Array,
): boolean {
  let hash = (0x811c9dc5 ^ seed) | 0;
  let second = (0x811c9dc5 ^ other) | 0;
  let all = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    all |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
    second = Math.imul(second ^ byte, 0x01000193);
  }
  out[0] = mixed(hash);
  out[1] = mixed(second);
  return all < 0x80;
}

/**
 * Another 32 bits of a text, of another kind than hashString's, whose collisions it shares no more than chance has it: a
 * text is told from all others by both.
 */
export function checkString(text: string): number {
  let mix = CHECK_SEED;
  for (let i = 0; i < text.length; i++) {
    mix = Math.imul(mix ^ text.charCodeAt(i), 0x5bd1e995);
    mix ^= mix >>> 15;
  }
  return mix >>> 0;
}

/** checkString of the ASCII text in bytes[start, end). */
export function checkAscii(bytes: Uint8Array, start: number, end: number): number {
  let mix = CHECK_SEED;
  for (let i = start; i < end; i++) {
    mix = Math.imul(mix ^ bytes[i]!, 0x5bd1e995);
    mix ^= mix >>> 15;
  }
  return mix >>> 0;
}

const CHECK_SEED = 0x2c1b3c6d;

/** hashString(String(value)) of a whole number from 0 to 2^53, without making the text. */
export function hashDecimal(value: number, seed = 0): number {
  return mixed(digits(value, seed)) >>> 0;
}

const TAIL = 1000;

/** hashDecimal of numbers of which most share all digits but the last three with the one before, as offsets do. */
export class DecimalHash {
  readonly #seed: number;
  /** of the number before: what stands before its last digits, and the hash as far as that */
  #head = 0;
  #hash = 0;

  constructor(seed = 0) {
    this.#seed = seed;
  }

  of(value: number): number {
    const head = Math.floor(value / TAIL);
    if (head === 0) return hashDecimal(value, this.#seed);
    if (head !== this.#head) {
      this.#head = head;
      this.#hash = digits(head, this.#seed);
    }
    const tail = value - head * TAIL;
    const hundreds = (tail / 100) | 0;
    const tens = ((tail / 10) | 0) - 10 * hundreds;
    const ones = tail - 100 * hundreds - 10 * tens;
    let hash = Math.imul(this.#hash ^ (0x30 + hundreds), 0x01000193);
    hash = Math.imul(hash ^ (0x30 + tens), 0x01000193);
    hash = Math.imul(hash ^ (0x30 + ones), 0x01000193);
    return mixed(hash) >>> 0;
  }
}

function digits(value: number, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  let scale = 1;
  while (scale * 10 <= value) scale *= 10;
  for (let left = value; scale >= 1; scale /= 10) {
    const digit = Math.floor(left / scale);
    left -= digit * scale;
    hash = Math.imul(hash ^ (0x30 + digit), 0x01000193);
  }
  return hash;
}

function mixed(hash: number): number {
  let mix = hash ^ (hash >>> 16);
  mix = Math.imul(mix, 0x85ebca6b);
  return mix ^ (mix >>> 13);
}
