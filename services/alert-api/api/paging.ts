import Type from 'typebox';
import { Problem } from './problems.js';

export const Limit = Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'how many at most' });
export const Cursor = Type.String({ maxLength: 500, description: '`next` of the page before' });

/** Where a page ended: the sorting value and the id of its last entry. */
export interface Position {
  at: number;
  id: string;
}

export interface Page<V> {
  items: V[];
  next: string | null;
}

export function encodeCursor({ at, id }: Position): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url');
}

export function decodeCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [at, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (typeof at === 'number' && Number.isSafeInteger(at) && typeof id === 'string') return { at, id };
  } catch {
    // said below
  }
  throw new Problem(
    'invalid-request',
    'cursor is not one that this API gave out: leave it out to begin at the newest',
  );
}

/** The newest first, after the cursor. Entries that change while someone pages may come twice, never not at all. */
export function pageOf<V>(
  values: Iterable<V>,
  matches: (value: V) => boolean,
  position: (value: V) => Position,
  limit: number,
  cursor?: string,
): Page<V> {
  const after = decodeCursor(cursor);
  const found: { value: V; place: Position }[] = [];
  for (const value of values) {
    if (!matches(value)) continue;
    const place = position(value);
    if (after === undefined || compare(place, after) > 0) found.push({ value, place });
  }
  found.sort((a, b) => compare(a.place, b.place));
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((one) => one.value),
    next: last && found.length > limit ? encodeCursor(last.place) : null,
  };
}

function compare(a: Position, b: Position): number {
  return b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
