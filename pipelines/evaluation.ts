import type { EpisodeTruth, EventTruth, TruthRecord } from './source.js';

/** The part of a risk that is compared with the truth. */
export interface FoundRisk {
  readonly pipeline: string;
  readonly entity: string;
  readonly eventId: string;
  /** epoch ms */
  readonly eventTime: number;
}

export interface EvaluationOptions {
  /** event time of the last event that was produced: what would have begun later doesn't count as missed */
  until?: number;
  /** how far from an episode (ms) a risk may lie and still belong to it */
  slack?: { before: number; after: number };
  /** events in all, and those that are bad or lie in an episode: for `chance` */
  totals?: { events: number; bad: number };
}

export interface Evaluation {
  readonly pipeline: string;
  /** what recall counts: bad events, or episodes */
  readonly counted: 'event' | 'episode';
  /** different events that became risks */
  readonly risks: number;
  /** of them, those that are bad events or lie in an episode */
  readonly rightRisks: number;
  readonly truths: number;
  readonly foundTruths: number;
  /** rightRisks / risks; null without risks */
  readonly precision: number | null;
  /** foundTruths / truths; null where there is nothing to find */
  readonly recall: number | null;
  /** the precision that events picked at random would have: a precision is worth what it is above this */
  readonly chance: number | null;
  readonly byKind: Readonly<Record<string, { truths: number; found: number }>>;
}

/**
 * Technicians mark a sensor's trouble by eye, an hour (four readings) off at either end. A process fault begins at a
 * known row and its unit is shut down with it: no slack.
 */
export const SLACK: Readonly<Record<string, { before: number; after: number }>> = {
  agriculture: { before: 3_600_000, after: 3_600_000 },
};

/**
 * Judges a pipeline's risks by the ground truth.
 *
 * Where the truth speaks of events (payments): precision is the share of risks whose event is bad, recall the share of
 * bad events that became a risk. Where it speaks of episodes (a fault in a unit, labelled readings of a sensor): recall
 * is the share of episodes with at least one risk of the same entity inside, precision the share of risks that lie in
 * an episode of their entity. Risks of one event count once. An episode that is under way when the stream stops counts.
 */
export function evaluate(
  pipeline: string,
  risks: Iterable<FoundRisk>,
  truth: Iterable<TruthRecord>,
  options: EvaluationOptions = {},
): Evaluation {
  const own = uniqueRisks(pipeline, risks);
  const events: EventTruth[] = [];
  const episodes: EpisodeTruth[] = [];
  for (const record of truth) {
    if (record.pipeline !== pipeline) continue;
    if ((record.type === 'event' ? record.time : record.from) > (options.until ?? Number.POSITIVE_INFINITY))
      continue;
    if (record.type === 'event') events.push(record);
    else episodes.push(record);
  }
  if (events.length > 0 && episodes.length > 0) {
    throw new Error(
      `the truth of ${pipeline} has events and episodes; they are counted differently: give one of them`,
    );
  }
  const result =
    episodes.length > 0
      ? byEpisode(own, episodes, options.slack ?? SLACK[pipeline] ?? { before: 0, after: 0 })
      : byEvent(own, events);
  const { totals } = options;
  return {
    pipeline,
    counted: episodes.length > 0 ? 'episode' : 'event',
    risks: own.length,
    ...result,
    precision: own.length === 0 ? null : result.rightRisks / own.length,
    recall: result.truths === 0 ? null : result.foundTruths / result.truths,
    chance: totals === undefined || totals.events === 0 ? null : totals.bad / totals.events,
  };
}

type Counts = Pick<Evaluation, 'rightRisks' | 'truths' | 'foundTruths' | 'byKind'>;

function uniqueRisks(pipeline: string, risks: Iterable<FoundRisk>): FoundRisk[] {
  const byEventId = new Map<string, FoundRisk>();
  for (const risk of risks) if (risk.pipeline === pipeline) byEventId.set(risk.eventId, risk);
  return [...byEventId.values()];
}

function byEvent(risks: readonly FoundRisk[], events: readonly EventTruth[]): Counts {
  const flagged = new Set(risks.map((risk) => risk.eventId));
  const isBad = new Set(events.map((event) => event.eventId));
  const tally = new Tally();
  for (const event of events) tally.add(event.kind, flagged.has(event.eventId));
  return { rightRisks: risks.filter((risk) => isBad.has(risk.eventId)).length, ...tally.counts() };
}

function byEpisode(
  risks: readonly FoundRisk[],
  episodes: readonly EpisodeTruth[],
  slack: { before: number; after: number },
): Counts {
  const byEntity = new Map<string, FoundRisk[]>();
  for (const risk of risks) {
    const known = byEntity.get(risk.entity);
    if (known) known.push(risk);
    else byEntity.set(risk.entity, [risk]);
  }
  const right = new Set<FoundRisk>();
  const tally = new Tally();
  for (const episode of episodes) {
    const inside = (byEntity.get(episode.entity) ?? []).filter(
      (risk) => risk.eventTime >= episode.from - slack.before && risk.eventTime <= episode.to + slack.after,
    );
    for (const risk of inside) right.add(risk);
    tally.add(episode.kind, inside.length > 0);
  }
  return { rightRisks: right.size, ...tally.counts() };
}

class Tally {
  private readonly byKind: Record<string, { truths: number; found: number }> = {};

  add(kind: string, found: boolean): void {
    this.byKind[kind] ??= { truths: 0, found: 0 };
    const counts = this.byKind[kind];
    counts.truths++;
    if (found) counts.found++;
  }

  counts(): Omit<Counts, 'rightRisks'> {
    const all = Object.values(this.byKind);
    return {
      truths: all.reduce((sum, one) => sum + one.truths, 0),
      foundTruths: all.reduce((sum, one) => sum + one.found, 0),
      byKind: this.byKind,
    };
  }
}
