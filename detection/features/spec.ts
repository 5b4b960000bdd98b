import { ln1p } from './fast-math.js';

/** What a pipeline declares about its features; the pipeline definition's `features` part, resolved. */
export interface NumberSpec {
  readonly field: string;
  /** unit as text, or the field that names it (a currency) */
  readonly unit?: string | { readonly field: string };
  readonly log?: boolean;
  readonly habit?: boolean;
  readonly change?: boolean;
  readonly sensor?: boolean;
}

export interface FeatureSpec {
  readonly numbers: readonly NumberSpec[];
  readonly categories: readonly string[];
  readonly calendar: boolean;
  readonly gap: boolean;
  /** half-lives of the decayed event counts, seconds */
  readonly activity: readonly number[];
}

/** One column of the feature matrix. */
export interface FeatureInfo {
  readonly name: string;
  /** the event field it is about, '' for none */
  readonly field: string;
  readonly kind:
    | 'value'
    | 'habit'
    | 'ratio'
    | 'change'
    | 'rarity'
    | 'new'
    | 'hour'
    | 'weekday'
    | 'unusualHour'
    | 'gap'
    | 'activity'
    | 'burst';
  /** index of the numeric field, -1 when it is not about one */
  readonly number: number;
}

/** signed logarithm, for amounts and counts that span decades */
export function squash(value: number): number {
  return value >= 0 ? ln1p(value) : -ln1p(-value);
}

export function unsquash(value: number): number {
  return value >= 0 ? Math.expm1(value) : -Math.expm1(-value);
}
