/**
 * Hash tables with open addressing whose keys are two hashes of 32 bits, of different kinds (hashString and
 * checkString): no text is kept or compared. A cell is a run of `width` numbers, of which the first three are these. Its
 * place goes by the leading bits of the first hash, so keys in the order of that hash have their cells in order, too.
 */
export const HASH = 0;
export const CHECK = 1;
/** what the owner has for the key, never 0: that is an empty cell */
export const MARK = 2;

/** cells that a table begins with */
export const FIRST_CELLS = 256;

export type Cells = Int32Array<ArrayBuffer>;

/** By how many bits a hash is shifted to give its cell's number. */
export function shiftOf(cells: Cells, width: number): number {
  return 32 - Math.log2(cells.length / width);
}

/** Whether so many keys need a larger table. */
export function isFull(cells: Cells, width: number, keys: number): boolean {
  return 8 * keys > 5 * (cells.length / width);
}

/** How many cells lie between a key's own place and its cell. */
export function distance(cells: Cells, width: number, shift: number, cell: number): number {
  const places = cells.length / width;
  return (cell / width - (cells[cell]! >>> shift) + places) % places;
}

/** Where the key's cell begins, or -1. The hashes as int32. */
export function findCell(cells: Cells, width: number, shift: number, hash: number, check: number): number {
  for (let at = (hash >>> shift) * width; cells[at + MARK] !== 0; ) {
    if (cells[at] === hash && cells[at + CHECK] === check) return at;
    at += width;
    if (at === cells.length) at = 0;
  }
  return -1;
}

/** Where a key that isn't in the table is to be put. */
export function freeCell(cells: Cells, width: number, shift: number, hash: number): number {
  let at = (hash >>> shift) * width;
  while (cells[at + MARK] !== 0) {
    at += width;
    if (at === cells.length) at = 0;
  }
  return at;
}

/** Empties a cell; what follows moves up where the hole would cut it off from its own place. */
export function removeCell(cells: Cells, width: number, shift: number, cell: number): void {
  const places = cells.length / width;
  const next = (at: number) => (at + width === cells.length ? 0 : at + width);
  let hole = cell;
  for (let at = next(hole); cells[at + MARK] !== 0; at = next(at)) {
    const fromHole = ((at - hole) / width + places) % places;
    if (distance(cells, width, shift, at) < fromHole) continue;
    cells.copyWithin(hole, at, at + width);
    hole = at;
  }
  cells.fill(0, hole, hole + width);
}

/** A table of twice the size with the same keys. */
export function grown(cells: Cells, width: number): Cells {
  return copied(cells, width, new Int32Array(2 * cells.length), () => true);
}

/** A table of the same size with those of the keys whose cells `keeps` says yes to. */
export function sifted(cells: Cells, width: number, keeps: (cell: number) => boolean): Cells {
  return copied(cells, width, new Int32Array(cells.length), keeps);
}

function copied(from: Cells, width: number, to: Cells, keeps: (cell: number) => boolean): Cells {
  const shift = shiftOf(to, width);
  for (let at = 0; at < from.length; at += width) {
    if (from[at + MARK] === 0 || !keeps(at)) continue;
    const cell = freeCell(to, width, shift, from[at]!);
    for (let i = 0; i < width; i++) to[cell + i] = from[at + i]!;
  }
  return to;
}
