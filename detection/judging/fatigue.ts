import type { StateBlock } from '../contract.js';

/**
 * One series' own alarm rule, by event counts: an alert raises the bar, the bar sinks back slowly, and within a
 * quiet period that grows with the series only a clearly stronger event alerts again.
 */
export interface FatigueRule {
  readonly threshold: number;
  /** events of quiet after an alert, plus quietGrowth for each event seen so far */
  readonly quiet: number;
  readonly quietGrowth: number;
  /** surprise above the last alert's that breaks the quiet */
  readonly margin: number;
  /** how much one alert raises the bar, and in how many events that fades by a factor e */
  readonly raise: number;
  readonly fade: number;
}

export const SERIES_RULE: FatigueRule = {
  threshold: 1.4375,
  quiet: 100,
  quietGrowth: 0.02,
  margin: 2,
  raise: 0.1,
  fade: 2000,
};

const LONGEST = 2 ** 24;
const NEVER = -1;

export class Fatigue {
  readonly stateSize = 4;

  constructor(private readonly rule: FatigueRule = SERIES_RULE) {}

  initState(state: StateBlock, slot: number): void {
    const at = slot * state.stride + state.offset;
    state.data[at] = 0; // fatigue
    state.data[at + 1] = 0; // events seen
    state.data[at + 2] = NEVER; // events since the last alert
    state.data[at + 3] = 0; // its level
  }

  /** The surprise above the raised bar's zero when this event alerts, else 0. */
  level(surprise: number, state: StateBlock, slot: number): number {
    const { rule } = this;
    const { data } = state;
    const at = slot * state.stride + state.offset;
    data[at] = data[at]! * (1 - 1 / rule.fade);
    const index = data[at + 1]!;
    if (data[at + 2]! >= 0 && data[at + 2]! < LONGEST) data[at + 2] = data[at + 2]! + 1;
    if (index < LONGEST) data[at + 1] = index + 1;
    const level = surprise - rule.raise * data[at]!;
    if (!(level > rule.threshold)) return 0;
    const since = data[at + 2]!;
    const rested = since < 0 || since >= rule.quiet + rule.quietGrowth * (index + 1);
    if (!rested && !(level > data[at + 3]! + rule.margin)) return 0;
    data[at] = data[at]! + 1;
    data[at + 2] = 0;
    data[at + 3] = level;
    return level;
  }
}
