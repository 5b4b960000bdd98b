/**
 * Exact tails of a value's own past: on each side the K largest of this generation and of the one before, kept
 * sorted. A value beyond the quantile that they cover is judged by its rank and by an exponential fitted to the
 * exceedances, half each. Both together remember between G and 2G values.
 */
export interface TailSettings {
  /** values kept a side and generation */
  readonly keep: number;
  /** values of a generation */
  readonly generation: number;
  /** share of the past that counts as tail */
  readonly share: number;
  /** values before anything is judged */
  readonly warmUp: number;
}

/**
 * Floats of one side's lists, and of its marks: the edge of the tail and the least that this generation's list
 * would take. Most values lie below both, so that an event reads the marks alone; they stand apart from the
 * lists and side by side, in as few cache lines as can be.
 */
export const sideSize = (settings: TailSettings): number => 2 * settings.keep;
export const MARKS_SIZE = 2;
const EDGE = 0;
const LEAST = 1;

/** Counts that all tails of one sensor share, since all take in one value an event: 3 floats in the slab. */
export const TAIL_COUNTS_SIZE = 3;
const IN_THIS = 0;
const IN_LAST = 1;
const RANK = 2;

export function initTails(data: Float32Array, counts: number, marks: number, sides: number): void {
  data.fill(0, counts, counts + TAIL_COUNTS_SIZE);
  for (let side = 0; side < sides; side++) {
    data[marks + side * MARKS_SIZE + EDGE] = Number.NaN;
    data[marks + side * MARKS_SIZE + LEAST] = Number.NEGATIVE_INFINITY;
  }
}

/** Rank k of the tail's edge before a value is taken in; 0 while there is too little past. */
export function tailRank(data: Float32Array, counts: number, seen: number, settings: TailSettings): number {
  if (seen < settings.warmUp) return 0;
  const past = data[counts + IN_THIS]! + data[counts + IN_LAST]!;
  return Math.min(Math.max(5, Math.floor(settings.share * past)), settings.keep - 1);
}

/** Call once an event after all of a sensor's sides took their value in; true: a new generation begins. */
export function advanceTailCounts(
  data: Float32Array,
  counts: number,
  rank: number,
  settings: TailSettings,
): boolean {
  data[counts + RANK] = rank;
  data[counts + IN_THIS] = data[counts + IN_THIS]! + 1;
  if (data[counts + IN_THIS]! < settings.generation) return false;
  data[counts + IN_LAST] = data[counts + IN_THIS]!;
  data[counts + IN_THIS] = 0;
  data[counts + RANK] = 0;
  return true;
}

/** Makes this generation's lists the last one's. */
export function turnGeneration(
  data: Float32Array,
  marks: number,
  lists: number,
  sides: number,
  { keep }: TailSettings,
): void {
  for (let side = 0; side < sides; side++) {
    const list = lists + side * 2 * keep;
    data.copyWithin(list + keep, list, list + keep);
    data[marks + side * MARKS_SIZE + LEAST] = Number.NEGATIVE_INFINITY;
  }
}

/**
 * Score of `value` against one side's past: 0 inside, else the mean of two -log10 p. Takes the value in.
 * `value` must be a float32 already, so that equal values compare equal to stored ones.
 */
export function tailScore(
  data: Float32Array,
  marks: number,
  list: number,
  counts: number,
  rank: number,
  value: number,
  settings: TailSettings,
): number {
  const { keep } = settings;
  const edge = marks + EDGE;
  // the edge holds until a value beyond it is taken in or the rank changes
  const known = data[counts + RANK] === rank && data[edge]! >= value;
  if (known && value <= data[marks + LEAST]!) return 0;
  const inThis = data[counts + IN_THIS]!;
  const inLast = data[counts + IN_LAST]!;
  const lenThis = Math.min(inThis, keep);
  const lenLast = Math.min(inLast, keep);
  let score = 0;
  if (!known && rank > 0 && lenThis + lenLast > rank) {
    if (data[counts + RANK] !== rank || Number.isNaN(data[edge]!)) {
      data[edge] = nthLargest(data, list, lenThis, list + keep, lenLast, rank);
    }
    const least = data[edge]!;
    if (value > least) {
      score = beyond(data, list, lenThis, list + keep, lenLast, rank, least, value, inThis + inLast);
      data[edge] = Number.NaN;
    }
  } else if (!known) data[edge] = Number.NaN;
  take(data, list, lenThis, keep, value);
  if (inThis + 1 >= keep) data[marks + LEAST] = data[list + keep - 1]!;
  return score;
}

/** The value at index `rank` of the two descending lists merged. */
function nthLargest(
  data: Float32Array,
  a: number,
  lenA: number,
  b: number,
  lenB: number,
  rank: number,
): number {
  const endA = a + lenA;
  const endB = b + lenB;
  let value = Number.NaN;
  for (let i = 0; i <= rank; i++) {
    if (b >= endB || (a < endA && data[a]! >= data[b]!)) value = data[a++]!;
    else value = data[b++]!;
  }
  return value;
}

function beyond(
  data: Float32Array,
  a: number,
  lenA: number,
  b: number,
  lenB: number,
  rank: number,
  edge: number,
  value: number,
  past: number,
): number {
  const endA = a + lenA;
  const endB = b + lenB;
  let sum = 0;
  let above = 0;
  let equal = 0;
  for (let i = 0; i < rank; i++) {
    const next = b >= endB || (a < endA && data[a]! >= data[b]!) ? data[a++]! : data[b++]!;
    sum += next;
    if (next > value) above++;
    else if (next === value) equal++;
  }
  const byRank = (above + 0.5 * equal + 0.5) / (past + 1);
  const meanExcess = Math.max(1e-9, sum / rank - edge);
  const byExcess = Math.log10(rank / past) - Math.min((value - edge) / meanExcess, 600) * Math.LOG10E;
  return Math.max(0, -0.5 * Math.log10(byRank) - 0.5 * byExcess);
}

/** Inserts into the descending list of `length` values, dropping the least when it is full. */
function take(data: Float32Array, list: number, length: number, keep: number, value: number): void {
  let at = list + length;
  if (length === keep) {
    if (!(value > data[at - 1]!)) return;
    at--;
  }
  while (at > list && data[at - 1]! < value) {
    data[at] = data[at - 1]!;
    at--;
  }
  data[at] = value;
}
