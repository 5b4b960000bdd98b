import type { Direction } from '../reasons.js';

/**
 * A language's sentences. Placeholders in braces: {name} of the feature, {observed} and {expected} with their
 * unit, {ratio} of the two, {difference} with its unit, {entity} the word for what the pipeline watches.
 * A template with a placeholder that has no value is never chosen, so each may use what its key promises:
 * *Ratio: observed, expected and ratio; *Expected: observed, expected and difference; *Alone: observed.
 */
export interface Templates {
  /** BCP 47 tag for the format of numbers */
  readonly locale: string;
  readonly highRatio: string;
  readonly lowRatio: string;
  readonly highExpected: string;
  readonly lowExpected: string;
  readonly unusualExpected: string;
  readonly alone: Readonly<Record<Exclude<Direction, 'missing'>, string>>;
  /** without an observed number */
  readonly bare: Readonly<Record<Direction, string>>;
  /**
   * sentences of their own, by a feature's name ('events.burst'), its first part ('hour') or its last with the
   * dot ('.new'); one with {observed} is passed over where there is no number
   */
  readonly special: Readonly<Record<string, string>>;
  /** between a number and its unit, '' for none */
  readonly unitSpace: string;
  /** between two reasons, and at the end */
  readonly join: string;
  readonly end: string;
  /** when nothing explains it */
  readonly none: string;
  /** words for entities and features by their names in pipelines; a name that is not here stands as it is */
  readonly words: Readonly<Record<string, string>>;
}
