import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** bytes looked at to tell the encoding and the layout */
const SAMPLE_BYTES = 1 << 20;
/** a line longer than this is cut: no table has such, a binary file does */
const LONGEST_LINE = 4 << 20;

export interface Sample {
  readonly gzip: boolean;
  /** the beginning of the file, unpacked */
  readonly bytes: Buffer;
  /** whether that is all of it */
  readonly whole: boolean;
}

/** The beginning of a file, unpacked when it is gzip (told by its bytes, not its name). */
export async function sampleOf(path: string): Promise<Sample> {
  const file = await open(path, 'r');
  const magic = Buffer.alloc(2);
  try {
    await file.read(magic, 0, 2, 0);
  } finally {
    await file.close();
  }
  const gzip = magic[0] === 0x1f && magic[1] === 0x8b;
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = byteStream(path, gzip);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > SAMPLE_BYTES) break;
    }
  } finally {
    stream.destroy();
  }
  return { gzip, bytes: Buffer.concat(chunks), whole: size <= SAMPLE_BYTES };
}

function byteStream(path: string, gzip: boolean): Readable {
  const file = createReadStream(path);
  if (!gzip) return file;
  const unpacked = createGunzip();
  file.on('error', (error) => unpacked.destroy(error));
  unpacked.on('close', () => file.destroy());
  return file.pipe(unpacked);
}

/**
 * The encoding: by its byte order mark; else UTF-8 unless more than one in a hundred of its non-ASCII characters is
 * broken; else GB 18030 when its bytes come in pairs and
 * give mostly Chinese; else Windows-1252, which takes any byte.
 */
export function encodingOf({ bytes, whole }: Pick<Sample, 'bytes' | 'whole'>): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  // not to end within a character
  const cut = whole ? bytes : bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1 || bytes.length);
  if (brokenShare(new TextDecoder('utf-8').decode(cut)) <= 0.01) return 'utf-8';
  if (pairedShare(cut) < 0.9) return 'windows-1252';
  const chinese = new TextDecoder('gb18030').decode(cut);
  const beyond = [...chinese].filter((character) => character > '\u007f');
  const known = beyond.filter((character) => /[\p{Script=Han}\u3000-\u303f\uff00-\uffef]/u.test(character));
  if (known.length > 0.8 * beyond.length) return 'gb18030';
  return 'windows-1252';
}

/** Share of the bytes beyond ASCII that stand beside another: Chinese characters are pairs, umlauts stand alone. */
function pairedShare(bytes: Uint8Array): number {
  let beyond = 0;
  let paired = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! < 0x80) continue;
    beyond++;
    if ((bytes[i - 1] ?? 0) >= 0x80 || (bytes[i + 1] ?? 0) >= 0x80) paired++;
  }
  return beyond === 0 ? 0 : paired / beyond;
}

function brokenShare(text: string): number {
  let beyond = 0;
  let broken = 0;
  for (const character of text) {
    if (character > '\u007f') beyond++;
    if (character === '\ufffd') broken++;
  }
  return beyond === 0 ? 0 : broken / beyond;
}

/** The lines of a text file without their ends, the byte order mark taken off. */
export async function* linesOf(path: string, gzip: boolean, encoding: string): AsyncGenerator<string[]> {
  const decoder = new TextDecoder(encoding);
  const stream = byteStream(path, gzip);
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) {
        lines.push(rest.slice(0, LONGEST_LINE));
        rest = '';
      }
      if (lines.length > 0) yield lines;
    }
  } finally {
    stream.destroy();
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.split(/\r\n|\n|\r/);
}

export function sampleLines(sample: Sample, encoding: string, most: number): string[] {
  const text = new TextDecoder(encoding).decode(sample.bytes);
  const lines = text.split(/\r\n|\n|\r/);
  if (!sample.whole) lines.pop();
  return lines.filter((line) => line.trim() !== '').slice(0, most);
}
