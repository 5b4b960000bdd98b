import { hashAscii, hashString } from '../../detection/features/hash.js';
import { isText } from '../../detection/state/key-index.js';

/**
 * Texts by their bytes, so that a value that comes again and again (a zone, a country, a terminal) is made a string
 * once: a table with one place a hash, in which the newer text takes the place of the older.
 */
export class TextCache {
  readonly #texts: string[];
  readonly #mask: number;
  readonly #hash = new Uint32Array(1);

  /** @param places a power of two */
  constructor(places: number) {
    this.#texts = new Array<string>(places).fill('');
    this.#mask = places - 1;
  }

  text(bytes: Buffer, start: number, end: number): string {
    if (!hashAscii(bytes, start, end, 0, this.#hash, 0)) return bytes.toString('utf8', start, end);
    return this.asciiText(bytes, start, end, this.#hash[0]!);
  }

  /** Of ASCII bytes whose hashString is known. */
  asciiText(bytes: Buffer, start: number, end: number, hash: number): string {
    const place = hash & this.#mask;
    const known = this.#texts[place]!;
    if (isText(known, bytes, start, end)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#texts[place] = text;
    return text;
  }
}

/** Puts the hashString of the text in bytes[start, end) into out[at]; whether the bytes are ASCII. */
export function hashText(bytes: Buffer, start: number, end: number, out: Uint32Array, at: number): boolean {
  if (hashAscii(bytes, start, end, 0, out, at)) return true;
  out[at] = hashString(bytes.toString('utf8', start, end));
  return false;
}
