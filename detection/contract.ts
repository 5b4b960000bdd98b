/**
 * What the parts of detection/ say to each other. Everything here is pure: no clock, no I/O, no environment.
 * Rows of a micro-batch are in arrival order; several rows may belong to one entity, and what a row sees of
 * its entity is what the rows before it left, whatever batch they came in.
 */

/** One block of per-entity state inside a partition's slab: entity `slot` owns data[slot*stride+offset .. +size). */
export interface StateBlock {
  readonly data: Float32Array;
  readonly stride: number;
  readonly offset: number;
}

/** A micro-batch as the detectors see it. Row-major matrices; nothing in it may be kept after `score` returns. */
export interface DetectorBatch {
  /** rows */
  readonly size: number;
  /** slot of each row's entity in the slab */
  readonly slots: Int32Array;
  /** index of each row's domain, -1 for one that the model was not trained on */
  readonly domains: Int32Array;
  /** event time, seconds since the Unix epoch */
  readonly times: Float64Array;
  /** seconds since the entity's event before, NaN for its first */
  readonly gaps: Float64Array;
  /** how many events of the entity came before this one */
  readonly ages: Float64Array;
  /** hour of week in the event's time zone, 0 (Monday 00:00) to below 168, fractional */
  readonly hoursOfWeek: Float32Array;
  /** size x features, normalised, finite (a missing value is 0 and has its own indicator feature) */
  readonly x: Float32Array;
  /** features a row */
  readonly features: number;
  /** size x sensors, raw readings in their own unit, NaN where missing */
  readonly raw: Float64Array;
  /** sensors (numeric fields) a row */
  readonly sensors: number;
}

/** How much of a row's score each feature or sensor carries. */
export interface Contribution {
  /** index into the detector's own space: see `space` */
  readonly index: number;
  readonly space: 'feature' | 'sensor';
  /** 0..1; the shares of one row add up to at most 1 */
  readonly share: number;
  /** what the detector expected there, in the space's own scale; NaN if it has no opinion */
  readonly expected: number;
  readonly direction: 'high' | 'low' | 'unusual' | 'missing' | 'stuck';
}

/**
 * A detector: scores a micro-batch with its entities' state. A larger raw score is more unusual; the judging
 * layer turns it into a tail probability, so its unit is the detector's own. Scores are finite.
 */
export interface Detector {
  readonly name: string;
  /** floats of state an entity */
  readonly stateSize: number;
  /** counts up when the meaning of the state changes: state of another version is not read, its entities start anew. Default 1 */
  readonly stateVersion?: number;
  /** detectors of one group see the same thing and are averaged; groups are alternative causes */
  readonly group: string;
  /** the raw score is -log10 p already, by a rule that few rows can't calibrate: it is not calibrated or smoothed */
  readonly nominal?: boolean;
  /** a nominal detector that counts for more: its raw score is so many times -log10 p. Default 1 */
  readonly emphasis?: number;
  /** what its surprise counts in the mean of its group, above 0; by what training found. Default 1 */
  readonly weight?: number;
  /** events of an entity before its scores mean something; until then it has no say. Default 0 */
  readonly warmUp?: number;
  /** prepares the state of a new entity (the block may hold an evicted entity's numbers) */
  initState(state: StateBlock, slot: number): void;
  /** writes batch.size raw scores to `out` and advances the entities' states */
  score(batch: DetectorBatch, state: StateBlock, out: Float32Array): void;
  /** strongest contributions to the score of `row` of the batch scored last, best first */
  explain(row: number, most: number): Contribution[];
  /** sensors without a reading in `row` of the batch scored last, of those that usually have one with its entity */
  missing?(row: number): number[];
  /** sensors whose reading in `row` is the same as before, which it hardly ever is */
  repeated?(row: number): number[];
  /** frees tensors */
  dispose(): void;
}

/** Rows to learn from, in event-time order within each entity. */
export interface TrainingSet {
  readonly rows: number;
  readonly features: number;
  readonly sensors: number;
  /** rows x features, normalised */
  readonly x: Float32Array;
  /** rows x sensors */
  readonly raw: Float64Array;
  /** entity number of each row, 0.. */
  readonly entities: Int32Array;
  readonly domains: Int32Array;
  readonly times: Float64Array;
  readonly gaps: Float64Array;
  readonly ages: Float64Array;
  readonly hoursOfWeek: Float32Array;
}

export type TrainingProgress = (
  part: string,
  done: number,
  total: number,
  figures?: Record<string, number>,
) => void;

/** Named arrays of a trained part; saved in a package's weights.bin and loaded back bit by bit. */
export interface Weights {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: Float32Array };
}
