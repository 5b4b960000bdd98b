import type { ScoringModel } from '../../../detection/scoring.js';
import { Undecodable } from '../../../lib/dead-letter-reasons.js';
import { riskId } from '../../../lib/ids.js';
import type { Pipeline } from '../../../pipelines/loader.js';
import { OfflineScorer } from '../scoring/offline-scorer.js';
import type { Replay } from './events.js';
import type { BacktestResult, RaisedRisk } from './result.js';

export interface BacktestOptions {
  readonly pipeline: Pipeline;
  readonly model: ScoringModel;
  readonly replay: Replay;
  readonly budget: number;
  readonly maxEntities: number;
  readonly onProgress: (events: number) => void;
}

const DAY = 86_400_000;

/**
 * Scores a replay from an empty state on, partition by partition, and says what would have been raised. Nothing in
 * the result depends on the clock or on where batches were cut: the same input gives the same result.
 */
export async function backtest(options: BacktestOptions): Promise<BacktestResult> {
  const { pipeline, model, replay, budget } = options;
  const risks: RaisedRisk[] = [];
  const left: Record<string, number> = {};
  const scorers = new Map<number, OfflineScorer>();
  let events = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;

  const scorerOf = (partition: number): OfflineScorer => {
    let scorer = scorers.get(partition);
    if (scorer === undefined) {
      const limits = { budget, partitions: replay.partitions, maxEntities: options.maxEntities };
      scorer = new OfflineScorer(
        pipeline,
        model,
        limits,
        ({ offset, entity, domain, time, score, risk, event }) => {
          events++;
          from = Math.min(from, time);
          to = Math.max(to, time);
          if (risk === undefined) return;
          risks.push({
            id: riskId(pipeline.name, replay.topic, partition, offset),
            eventId: pipeline.eventId === undefined ? '' : String(event[pipeline.eventId] ?? ''),
            entity,
            domain,
            eventTime: time,
            score,
            threshold: risk.threshold,
            severity: risk.severity,
            alert: risk.alert,
            reason: risk.reasons[0]?.feature ?? '',
          });
        },
      );
      scorers.set(partition, scorer);
    }
    return scorer;
  };

  for await (const { partition, events: batch } of replay.batches()) {
    const scorer = scorerOf(partition);
    for (const { key, event, offset, timestamp } of batch) {
      const taken = scorer.take(event, key, offset, timestamp);
      if (taken === 'taken') continue;
      const reason = taken instanceof Undecodable ? taken.reason : taken;
      left[reason] = (left[reason] ?? 0) + 1;
    }
    options.onProgress(events);
  }
  for (const scorer of scorers.values()) scorer.flush();
  risks.sort(
    (a, b) =>
      a.eventTime - b.eventTime ||
      compare(a.entity, b.entity) ||
      compare(a.eventId, b.eventId) ||
      compare(a.id, b.id),
  );
  for (const [reason, count] of Object.entries(replay.left)) left[reason] = (left[reason] ?? 0) + count;
  const failed = [...new Set([...scorers.values()].flatMap((scorer) => scorer.failed))].sort();
  const days = events === 0 ? 0 : Math.max((to - from) / DAY, 1 / 24);
  const alerts = risks.filter(({ alert }) => alert).length;
  return {
    format: 1,
    pipeline: pipeline.name,
    model: model.id,
    budget,
    source: replay.source,
    partitions: replay.partitions,
    events,
    left: Object.fromEntries(Object.entries(left).sort(([a], [b]) => compare(a, b))),
    from: events === 0 ? null : new Date(from).toISOString(),
    to: events === 0 ? null : new Date(to).toISOString(),
    days,
    alerts,
    alertsPerDay: days === 0 ? 0 : alerts / days,
    failed,
    risks,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
