import { formatCount } from '../format.js';
import type { ComparedRisk, Comparison } from './compare.js';
import type { BacktestResult } from './result.js';

const SEVERITIES = ['critical', 'high', 'medium', 'low'];
/** differences that are told one by one */
const TOLD = 5;

/** What a person reads of a backtest. */
export function backtestText(result: BacktestResult, comparison: Comparison | undefined): string {
  const { pipeline, model, budget, source, events, left, risks, alerts, alertsPerDay, days } = result;
  const lines = [
    `${pipeline}: ${formatCount(events)} events of ${source} under ${model}, budget ${budget} a day`,
    `  ${formatCount(risks.length)} risks in ${formatCount(alerts)} episodes over ${Number(days.toPrecision(3))} days: ${Number(alertsPerDay.toPrecision(3))} alerts a day`,
    `  ${SEVERITIES.map((severity) => `${severity} ${formatCount(risks.filter((risk) => risk.severity === severity).length)}`).join(', ')}`,
  ];
  const reasons = Object.entries(left).map(([reason, count]) => `${formatCount(count)} ${reason}`);
  if (reasons.length > 0) lines.push(`  left out: ${reasons.join(', ')}`);
  if (result.failed.length > 0) lines.push(`  detectors that failed: ${result.failed.join(', ')}`);
  if (comparison !== undefined) {
    const { same, severityChanged, onlyBefore, onlyNow } = comparison;
    lines.push(
      `  against ${comparison.with}: ${formatCount(same)} the same (${formatCount(severityChanged)} with another severity), ${formatCount(onlyBefore.length)} only before, ${formatCount(onlyNow.length)} only now`,
      ...told('only before', onlyBefore),
      ...told('only now', onlyNow),
    );
  }
  return `${lines.join('\n')}\n`;
}

function told(title: string, risks: readonly ComparedRisk[]): string[] {
  const strongest = [...risks].sort((a, b) => b.score - a.score).slice(0, TOLD);
  const lines = strongest.map(
    ({ eventTime, entity, score, severity }) =>
      `    ${title}  ${new Date(eventTime).toISOString()} ${entity}  ${score.toFixed(1)} ${severity}`,
  );
  if (risks.length > TOLD) lines.push(`    … and ${formatCount(risks.length - TOLD)} more ${title}`);
  return lines;
}

/** `--json`: the figures, without the risks one by one (--out has them). */
export function backtestJson(result: BacktestResult, comparison: Comparison | undefined): string {
  const { risks, ...figures } = result;
  const bySeverity = Object.fromEntries(
    SEVERITIES.map((severity) => [severity, risks.filter((risk) => risk.severity === severity).length]),
  );
  return JSON.stringify({
    ...figures,
    risks: risks.length,
    bySeverity,
    ...(comparison && {
      comparison: {
        with: comparison.with,
        same: comparison.same,
        severityChanged: comparison.severityChanged,
        onlyBefore: comparison.onlyBefore.length,
        onlyNow: comparison.onlyNow.length,
      },
    }),
  });
}
