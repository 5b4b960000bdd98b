/**
 * Where a sensor usually stands: median and the span from the 5% to the 95% quantile over the last window of
 * accepted rows. Of W rows every (W/168)th is kept, in order of arrival and sorted; neighbouring readings of a
 * sensor say nearly the same, so the quantiles lose little. Extremes of the last four windows bound what a
 * sensor was seen to do.
 */
const KEPT = 168;
const BLOCKS = 4;

const TO_NEXT = 0;
const COUNT = 1;
const HEAD = 2;
const USUAL_SPAN = 3;
const EXTREMES = 4;
const ARRIVED = EXTREMES + 2 * BLOCKS;
const SORTED = ARRIVED + KEPT;
export const LEVEL_SIZE = SORTED + KEPT;

const FEWEST = 24;
const LEAST_SPAN = 0.25;
const FOLLOW = 0.005;

export function initLevel(data: Float32Array, at: number): void {
  data.fill(0, at, at + LEVEL_SIZE);
  clearExtremes(data, at, 0, BLOCKS);
}

function clearExtremes(data: Float32Array, at: number, from: number, to: number): void {
  for (let block = from; block < to; block++) {
    data[at + EXTREMES + 2 * block] = Number.POSITIVE_INFINITY;
    data[at + EXTREMES + 2 * block + 1] = Number.NEGATIVE_INFINITY;
  }
}

/** Takes in an accepted value, relative to the sensor's first reading. */
export function learnLevel(data: Float32Array, at: number, value: number, window: number): void {
  if (value < data[at + EXTREMES]!) data[at + EXTREMES] = value;
  if (value > data[at + EXTREMES + 1]!) data[at + EXTREMES + 1] = value;
  if (data[at + TO_NEXT]! > 0) {
    data[at + TO_NEXT] = data[at + TO_NEXT]! - 1;
    return;
  }
  data[at + TO_NEXT] = Math.max(1, Math.round(window / KEPT)) - 1;
  const count = data[at + COUNT]!;
  const head = data[at + HEAD]!;
  const sorted = at + SORTED;
  const kept = Math.fround(value);
  let last = sorted + count;
  if (count === KEPT) {
    const gone = find(data, sorted, count, data[at + ARRIVED + head]!);
    data.copyWithin(gone, gone + 1, sorted + KEPT);
    last = sorted + KEPT - 1;
  } else data[at + COUNT] = count + 1;
  const place = find(data, sorted, last - sorted, kept);
  data.copyWithin(place + 1, place, last);
  data[place] = kept;
  data[at + ARRIVED + head] = kept;
  data[at + HEAD] = (head + 1) % KEPT;
  followSpan(data, at);
}

/** The running median of the span: a step of half a percent towards each new one. */
function followSpan(data: Float32Array, at: number): void {
  if (data[at + COUNT]! < FEWEST) return;
  const now = quantile(data, at, 0.95) - quantile(data, at, 0.05);
  const usual = data[at + USUAL_SPAN]!;
  if (usual === 0) data[at + USUAL_SPAN] = now;
  else data[at + USUAL_SPAN] = now > usual ? usual * (1 + FOLLOW) : usual * (1 - FOLLOW);
}

function find(data: Float32Array, from: number, length: number, value: number): number {
  let low = from;
  let high = from + length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function quantile(data: Float32Array, at: number, share: number): number {
  const place = share * (data[at + COUNT]! - 1);
  const below = Math.floor(place);
  const low = data[at + SORTED + below]!;
  const high = data[at + SORTED + Math.min(below + 1, data[at + COUNT]! - 1)]!;
  return low + (place - below) * (high - low);
}

/** Relative to the first reading; NaN while there is too little. */
export function median(data: Float32Array, at: number): number {
  return data[at + COUNT]! < FEWEST ? Number.NaN : quantile(data, at, 0.5);
}

/** Distance from the median in spans; `least` is a floor to the span in the sensor's unit. */
export function levelScore(data: Float32Array, at: number, value: number, least: number): number {
  if (data[at + COUNT]! < FEWEST) return Number.NaN;
  const span = quantile(data, at, 0.95) - quantile(data, at, 0.05);
  const scale = Math.max(span, LEAST_SPAN * data[at + USUAL_SPAN]!, least);
  return scale > 0 ? Math.abs(value - quantile(data, at, 0.5)) / scale : Number.NaN;
}

/** Call once a window: a new block of extremes begins. */
export function turnExtremes(data: Float32Array, at: number): void {
  data.copyWithin(at + EXTREMES + 2, at + EXTREMES, at + EXTREMES + 2 * (BLOCKS - 1));
  clearExtremes(data, at, 0, 1);
}

/** Whether a value lies within what was seen lately, widened by as much on either side. */
export function withinSeen(data: Float32Array, at: number, value: number): boolean {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let block = 0; block < BLOCKS; block++) {
    low = Math.min(low, data[at + EXTREMES + 2 * block]!);
    high = Math.max(high, data[at + EXTREMES + 2 * block + 1]!);
  }
  return value >= low - (high - low) && value <= high + (high - low);
}
