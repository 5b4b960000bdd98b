/** What people (or a settlement file) said of one event, made ready to be used. Times are seconds since the epoch. */
export interface Label {
  readonly type: 'label';
  /** the same label has the same id however often it comes */
  readonly id: string;
  readonly entity: string;
  /** time of the event it is about */
  readonly time: number;
  /** the event's secondary entities, in the pipeline's order; '' where not known */
  readonly secondary: readonly string[];
  readonly risk: boolean;
  /** how surprising the event was in itself, -log10 p; 0 when it was not raised or nobody says */
  readonly surprise: number;
  /** event time from which scores may use it */
  readonly effectiveAt: number;
  /** it says the opposite of what was said of the event before; set by the log */
  readonly corrects?: boolean;
}

/**
 * How often each secondary entity was seen in a closed window of event time, in one partition. Entities are told apart
 * by hashes of their names; these ascend, since entities are looked up in a window by bisection.
 */
export interface Visits {
  readonly type: 'visits';
  readonly id: string;
  /** index of the secondary field */
  readonly field: number;
  readonly from: number;
  readonly to: number;
  /** by entity: hashString and checkString of its name, and how often it was seen */
  readonly hashes: Uint32Array;
  readonly checks: Uint32Array;
  readonly counts: Uint32Array | Uint8Array;
  readonly effectiveAt: number;
}

export type LabelRecord = Label | Visits;

/** Labels and closed windows take effect on the hour. */
export const GRID_SECONDS = 3600;

/**
 * The event time from which a label counts: the second full hour after it was given. Every scorer reads the topic for
 * itself, so a label given at 12:59:59 may reach one of them before its first event of 13:00 and another after it; a
 * whole hour for it to arrive closes that race, and a stream that is scored again gives the same scores.
 */
export function effectiveFrom(givenAt: number): number {
  return (Math.ceil(givenAt / GRID_SECONDS) + 1) * GRID_SECONDS;
}
