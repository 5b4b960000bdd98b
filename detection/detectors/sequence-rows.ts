import type { StateBlock } from '../contract.js';
import { HELD_SQUARE, hold } from '../features/hold.js';
import { GATE_SLOPE, sharpnessWithin } from './sequence-cell.js';

/**
 * What the sequence model does with the numbers of the rows between its products. Four at a time: there
 * is so little to do for each that a turn of the loop costs as much as what is in it.
 */

/**
 * The rows of x in deviations from their means, held within bounds, to rows of `out` that are `stride` numbers wide. A
 * row has as many numbers as there are means.
 */
export function standardise(
  x: Float32Array,
  rows: number,
  mean: Float64Array,
  perDeviation: Float64Array,
  out: Float32Array,
  stride: number,
): void {
  const d = mean.length;
  for (let row = 0; row < rows; row++) {
    const from = row * d;
    const to = row * stride;
    let squares = 0;
    let j = 0;
    for (; j + 3 < d; j += 4) {
      const z0 = (x[from + j]! - mean[j]!) * perDeviation[j]!;
      const z1 = (x[from + j + 1]! - mean[j + 1]!) * perDeviation[j + 1]!;
      const z2 = (x[from + j + 2]! - mean[j + 2]!) * perDeviation[j + 2]!;
      const z3 = (x[from + j + 3]! - mean[j + 3]!) * perDeviation[j + 3]!;
      out[to + j] = z0;
      out[to + j + 1] = z1;
      out[to + j + 2] = z2;
      out[to + j + 3] = z3;
      squares += z0 * z0 + z1 * z1 + z2 * z2 + z3 * z3;
    }
    for (; j < d; j++) {
      const z = (x[from + j]! - mean[j]!) * perDeviation[j]!;
      out[to + j] = z;
      squares += z * z;
    }
    if (!(squares < HELD_SQUARE)) hold(out, to, to + d);
  }
}

/** What the loop over the rows reads and writes, a row's place in each by its width. */
export interface Recurrence {
  /** slots of the rows' entities in `state` */
  readonly slots: Int32Array;
  readonly size: number;
  readonly state: StateBlock;
  readonly hidden: number;
  readonly lags: 1 | 2;
  /** [z, known] */
  readonly inputs: Float32Array;
  readonly inputWidth: number;
  readonly perSpread: Float64Array;
  /** hidden numbers a row, in sixths */
  readonly gates: Float32Array;
  /** [candidates, the row's part in the next prediction, with two lags its part in the one after] */
  readonly flow: Float32Array;
  /** receives [known, h], of which known is there */
  readonly memories: Float32Array;
  readonly memoryWidth: number;
  /** receives the errors by the autoregression alone, in spreads */
  readonly errors: Float32Array;
}

/**
 * The loop in arrival order: the memory that a row's readout may use (see advance()), and its error by the
 * autoregression alone.
 */
export function recur(over: Recurrence): void {
  const {
    slots,
    size,
    hidden,
    lags,
    inputs,
    inputWidth,
    perSpread,
    gates,
    flow,
    memories,
    memoryWidth,
    errors,
  } = over;
  const { data, stride, offset } = over.state;
  const d = perSpread.length;
  let at = 0;
  for (let row = 0; row < size; row++) {
    const gate = row * hidden;
    const to = (row + 1) * memoryWidth - hidden;
    const h = slots[row]! * stride + offset + 1;
    let j = 0;
    for (; j + 3 < hidden; j += 4) {
      memories[to + j] = data[h + j]!;
      memories[to + j + 1] = data[h + j + 1]!;
      memories[to + j + 2] = data[h + j + 2]!;
      memories[to + j + 3] = data[h + j + 3]!;
      data[h + j] = moved(data[h + j]!, gates[gate + j]!, flow[at + j]!);
      data[h + j + 1] = moved(data[h + j + 1]!, gates[gate + j + 1]!, flow[at + j + 1]!);
      data[h + j + 2] = moved(data[h + j + 2]!, gates[gate + j + 2]!, flow[at + j + 2]!);
      data[h + j + 3] = moved(data[h + j + 3]!, gates[gate + j + 3]!, flow[at + j + 3]!);
    }
    for (; j < hidden; j++) {
      memories[to + j] = data[h + j]!;
      data[h + j] = moved(data[h + j]!, gates[gate + j]!, flow[at + j]!);
    }
    at += hidden;
    const next = h + hidden;
    const error = row * d;
    const z = row * inputWidth;
    for (j = 0; j + 3 < d; j += 4) {
      errors[error + j] = inputs[z + j]! * perSpread[j]! - data[next + j]!;
      errors[error + j + 1] = inputs[z + j + 1]! * perSpread[j + 1]! - data[next + j + 1]!;
      errors[error + j + 2] = inputs[z + j + 2]! * perSpread[j + 2]! - data[next + j + 2]!;
      errors[error + j + 3] = inputs[z + j + 3]! * perSpread[j + 3]! - data[next + j + 3]!;
    }
    for (; j < d; j++) errors[error + j] = inputs[z + j]! * perSpread[j]! - data[next + j]!;
    if (lags === 1) {
      for (j = 0; j + 3 < d; j += 4) {
        data[next + j] = flow[at + j]!;
        data[next + j + 1] = flow[at + j + 1]!;
        data[next + j + 2] = flow[at + j + 2]!;
        data[next + j + 3] = flow[at + j + 3]!;
      }
      for (; j < d; j++) data[next + j] = flow[at + j]!;
    } else {
      for (j = 0; j < d; j++) data[next + j] = data[next + d + j]! + flow[at + j]!;
      for (j = 0; j < d; j++) data[next + d + j] = flow[at + d + j]!;
    }
    at += lags * d;
  }
}

/** a memory moved towards its candidate, as far as the gate is open (in sixths) */
function moved(held: number, gate: number, candidate: number): number {
  return held + gate * GATE_SLOPE * (candidate - held);
}

/** Corrects the first `count` errors by the network's shift, in units of the spread that it expects. */
export function sharpen(
  errors: Float32Array,
  shift: Float32Array,
  narrowing: Float32Array,
  count: number,
): void {
  let at = 0;
  for (; at + 3 < count; at += 4) {
    errors[at] = (errors[at]! - shift[at]!) * sharpnessWithin(narrowing[at]!);
    errors[at + 1] = (errors[at + 1]! - shift[at + 1]!) * sharpnessWithin(narrowing[at + 1]!);
    errors[at + 2] = (errors[at + 2]! - shift[at + 2]!) * sharpnessWithin(narrowing[at + 2]!);
    errors[at + 3] = (errors[at + 3]! - shift[at + 3]!) * sharpnessWithin(narrowing[at + 3]!);
  }
  for (; at < count; at++) errors[at] = (errors[at]! - shift[at]!) * sharpnessWithin(narrowing[at]!);
}
