import { hashAscii, hashString } from '../../detection/features/hash.js';

/** a longer text is made each time */
const MOST_BYTES = 64;
const NO_BYTES = new Uint8Array(0);

/**
 * Texts by their bytes, so that a value that comes again and again (a zone, a country) is made a string once: a table
 * with one place for all texts that share some of their bytes, in which the newer text takes the place of the older.
 */
export class TextCache {
  readonly #texts: string[];
  /** of the texts */
  readonly #bytes: Uint8Array[];
  readonly #mask: number;

  /** @param places a power of two */
  constructor(places: number) {
    this.#texts = new Array<string>(places).fill('');
    this.#bytes = new Array<Uint8Array>(places).fill(NO_BYTES);
    this.#mask = places - 1;
  }

  text(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    // Names of zones begin alike, countries differ in two bytes.
    const some = bytes[start]! + 5 * bytes[end - 1]! + 23 * bytes[start + (length >> 1)]! + 89 * length;
    const place = (some ^ (bytes[start + ((3 * length) >> 2)]! << 2)) & this.#mask;
    const known = this.#bytes[place]!;
    return isSame(known, bytes, start, end) ? this.#texts[place]! : this.#made(bytes, start, end, place);
  }

  #made(bytes: Buffer, start: number, end: number, place: number): string {
    const text = bytes.toString('utf8', start, end);
    if (end - start <= MOST_BYTES) {
      this.#texts[place] = text;
      this.#bytes[place] = Uint8Array.from(bytes.subarray(start, end));
    }
    return text;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

/** Puts the hashString of the text in bytes[start, end) into out[at]; whether the bytes are ASCII. */
export function hashText(bytes: Buffer, start: number, end: number, out: Uint32Array, at: number): boolean {
  if (hashAscii(bytes, start, end, 0, out, at)) return true;
  out[at] = hashString(bytes.toString('utf8', start, end));
  return false;
}

/** texts of schemas are few; writers may be many */
const MOST_KNOWN = 1024;

/** hashString of texts that schemas know, each computed once. */
export class KnownHashes {
  readonly #hashes = new Map<string, number>();

  of(text: string): number {
    const known = this.#hashes.get(text);
    if (known !== undefined) return known;
    if (this.#hashes.size >= MOST_KNOWN) this.#hashes.clear();
    const hash = hashString(text);
    this.#hashes.set(text, hash);
    return hash;
  }
}
