/** The events of a micro-batch as the second stage sees them, by row. */
export interface RankedRows {
  readonly entities: readonly string[];
  /** event times, seconds */
  readonly seconds: Float64Array;
  readonly offsets: Float64Array;
  /** hashString of the secondary entities, by field and row */
  readonly hashes: readonly Uint32Array[];
  /** a secondary entity by name; asked for where labels may speak of it */
  readonly text: (field: number, row: number) => string;
  /** rows x detectors, their own surprises */
  readonly own: Float32Array;
  /** rows x features, scaled */
  readonly x: Float32Array;
}
