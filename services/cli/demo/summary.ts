import { formatCount, formatSeconds } from '../format.js';
import type { Outcome } from './outcome.js';

/** The end of a demo for people. */
export function summaryLines(outcome: Outcome): string[] {
  const percent = (share: number | null) => (share === null ? '–' : `${(100 * share).toFixed(1)}%`);
  const quality = Object.entries(outcome.pipelines).map(
    ([name, { risks, precision, recall, truths, foundTruths, chance }]) =>
      `  ${name}: ${formatCount(risks)} risks, precision ${percent(precision)} (at random ${percent(chance)}), recall ${percent(recall)} (${formatCount(foundTruths)} of ${formatCount(truths)})`,
  );
  return [
    '',
    `${formatCount(outcome.events)} events in ${formatSeconds(outcome.seconds)}, ${formatCount(outcome.eventsPerSecond)}/s, models on ${outcome.backend}`,
    `${formatCount(outcome.risks)} risks (${formatCount(outcome.clickhouseRisks)} in ClickHouse), ${formatCount(outcome.incidents)} incidents, ${formatCount(outcome.deliveriesSucceeded)} deliveries (${formatCount(outcome.verifiedSignatures)} signatures verified)`,
    `${formatCount(outcome.deadLetters)} dead letters of ${formatCount(outcome.plantedBadEvents)} bad events that were planted`,
    ...quality,
  ];
}
