export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** How severity moves, in event time. It rises at once, since waiting would cost time that people need. */
export interface SeverityRules {
  /** it falls when no risk as severe as this came for so long */
  easeMs: number;
  /** a rise to no more than what was told of already is told again only after so long */
  flapMs: number;
}

export const SEVERITY_RULES: SeverityRules = { easeMs: 30 * 60_000, flapMs: 60 * 60_000 };

/** The part of an incident that severity follows from. */
export interface SeverityState {
  severity: Severity;
  seen: readonly number[];
  /** '' in incidents from before it was kept */
  peak: string;
  peakAt: number;
  lastRiskAt: number;
}

export interface SeverityStep {
  severity: Severity;
  seen: number[];
  peak: Severity;
  peakAt: number;
  /** rose: worth telling; moved: it changed, but telling would be flapping */
  step: 'rose' | 'fell' | 'moved' | 'stayed';
}

export function firstSeverity(severity: Severity, at: number): Omit<SeverityStep, 'step'> {
  return {
    severity,
    seen: SEVERITIES.map((one) => (one === severity ? at : -1)),
    peak: severity,
    peakAt: at,
  };
}

/** The severity after one more risk: the highest that was seen within `easeMs`. */
export function severityAfter(
  before: SeverityState,
  risk: { severity: Severity; eventTime: number },
  rules: SeverityRules = SEVERITY_RULES,
): SeverityStep {
  const known = before.seen.length === SEVERITIES.length ? before.seen : seenOf(before);
  const seen = known.map((at, rank) =>
    rank === severityRank(risk.severity) ? Math.max(at, risk.eventTime) : at,
  );
  const now = Math.max(before.lastRiskAt, risk.eventTime);
  const old = severityRank(before.severity);
  let rank = severityRank(risk.severity);
  for (let r = rank + 1; r < seen.length; r += 1) {
    const at = seen[r]!;
    if (at >= 0 && at >= now - rules.easeMs) rank = r;
  }
  const peak = SEVERITIES.find((one) => one === before.peak) ?? before.severity;
  const severity = SEVERITIES[rank]!;
  const unchanged = { severity, seen, peak, peakAt: before.peakAt };
  if (rank === old) return { ...unchanged, step: 'stayed' };
  if (rank < old) return { ...unchanged, step: 'fell' };
  const worthTelling = rank > severityRank(peak) || now - before.peakAt >= rules.flapMs;
  return worthTelling
    ? { severity, seen, peak: severity, peakAt: now, step: 'rose' }
    : { ...unchanged, step: 'moved' };
}

function seenOf(before: SeverityState): number[] {
  return SEVERITIES.map((one) => (one === before.severity ? before.lastRiskAt : -1));
}
