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
    const at = freeCell(this.cells, this.width, this.shift, hash);
    this.cells[at + HASH] = hash;
    this.cells[at + CHECK] = check;
    return at;
  }

  /** Twice the cells for the same keys. */
  protected grow(): void {
    this.cells = copied(this.cells, this.width, new Int32Array(2 * this.cells.length), () => true);
    this.shift--;
  }

  /** Keeps those of the keys whose cells `keeps` says yes to. */
  protected sift(keeps: (cell: number) => boolean): void {
    let gone = 0;
    this.cells = copied(this.cells, this.width, new Int32Array(this.cells.length), (at) => {
      const stays = keeps(at);
      if (!stays) gone++;
      return stays;
    });
    this.#keys -= gone;
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
