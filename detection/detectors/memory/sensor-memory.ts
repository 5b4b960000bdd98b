import type { Contribution } from '../../contract.js';

/** What a memory says beside its score; written anew at every reading. */
export interface Finding {
  /** the usual reading, before this one */
  expected: number;
  direction: Contribution['direction'];
}

/** The memory of one sensor of one entity, in `size` floats from data[at] on. */
export interface SensorMemory {
  readonly size: number;
  /** floats at its start that every reading needs; a line of the cache or two */
  readonly head: number;
  init(data: Float32Array, at: number): void;
  /** readings taken in, up to a bound in the millions */
  seen(data: Float32Array, at: number): number;
  /** Score of a finite reading by what was known before it, 0 inside the usual; then learns it. */
  observe(data: Float32Array, at: number, reading: number, hourOfDay: number, finding: Finding): number;
}
