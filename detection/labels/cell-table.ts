/** places of the numbers that every cell begins with */
export const HASH = 0;
export const CHECK = 1;
/** what the table has for the key, never 0: that is an empty cell */
export const MARK = 2;

/** cells that a table begins with */
const FIRST_CELLS = 256;

export type Cells = Int32Array<ArrayBuffer>;

/**
 * A hash table with open addressing whose keys are two hashes of 32 bits, of different kinds (hashString and
 * checkString): no text is kept or compared. A cell is a run of `width` numbers, of which the first three are these; the
 * others are up to the table that is made of it. A cell's place goes by the leading bits of the first hash, so keys in
 * the order of that hash have their cells in order, too.
 */
export abstract class CellTable {
  protected cells: Cells;
  /** by how many bits a hash is shifted to give its cell's number */
  protected shift: number;
  #keys = 0;

  constructor(private readonly width: number) {
    this.cells = new Int32Array(FIRST_CELLS * width);
    this.shift = shiftOf(this.cells, width);
  }

  protected get keys(): number {
    return this.#keys;
  }

  /** Whether so many keys need a larger table. */
  protected isFull(keys: number): boolean {
    return 8 * keys > 5 * (this.cells.length / this.width);
  }

  /** How many cells lie between a key's own place and its cell. */
  protected distance(cell: number): number {
    const { cells, width, shift } = this;
    const places = cells.length / width;
    return (cell / width - (cells[cell]! >>> shift) + places) % places;
  }

  /** Where the key's cell begins, or -1. */
  protected find(hash: number, check: number): number {
    const { cells, width, shift } = this;
    const one = hash | 0;
    const other = check | 0;
    for (let at = (one >>> shift) * width; cells[at + MARK] !== 0; ) {
      if (cells[at] === one && cells[at + CHECK] === other) return at;
      at += width;
      if (at === cells.length) at = 0;
    }
    return -1;
  }

  /** The cell of a key that isn't in the table, which grows for it where it must. It counts once it has its mark. */
  protected enter(hash: number, check: number): number {
    this.#keys++;
    if (this.isFull(this.#keys)) this.grow();
    return this.put(hash, check);
  }

  /** A cell once more for a key that was added and has no mark yet. */
  protected put(hash: number, check: number): number {
    const at = freeCell(this.cells, this.width, this.shift, hash);
    this.cells[at + HASH] = hash;
    this.cells[at + CHECK] = check;
    return at;
  }

  /** Empties a cell; what follows moves up where the hole would cut it off from its own place. */
  protected remove(cell: number): void {
    this.#keys--;
    const { cells, width } = this;
    const places = cells.length / width;
    const next = (at: number) => (at + width === cells.length ? 0 : at + width);
    let hole = cell;
    for (let at = next(hole); cells[at + MARK] !== 0; at = next(at)) {
      const fromHole = ((at - hole) / width + places) % places;
      if (this.distance(at) < fromHole) continue;
      cells.copyWithin(hole, at, at + width);
      hole = at;
    }
    cells.fill(0, hole, hole + width);
  }

  /** Twice the cells for the same keys. */
  protected grow(): void {
    this.cells = copied(this.cells, this.width, new Int32Array(2 * this.cells.length), () => true);
    this.shift--;
  }

  /** Keeps those of the keys whose cells `keeps` says yes to. @returns how many are gone */
  protected sift(keeps: (cell: number) => boolean): number {
    let gone = 0;
    this.cells = copied(this.cells, this.width, new Int32Array(this.cells.length), (at) => {
      const stays = keeps(at);
      if (!stays) gone++;
      return stays;
    });
    this.#keys -= gone;
    return gone;
  }
}

function shiftOf(cells: Cells, width: number): number {
  return 32 - Math.log2(cells.length / width);
}

/** Where a key that isn't in the cells is to be put. */
function freeCell(cells: Cells, width: number, shift: number, hash: number): number {
  let at = (hash >>> shift) * width;
  while (cells[at + MARK] !== 0) {
    at += width;
    if (at === cells.length) at = 0;
  }
  return at;
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
