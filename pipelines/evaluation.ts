import type { EpisodeTruth, EventTruth, TruthRecord, UnreviewedTruth } from './source.js';

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
  /** events that can be judged, and those of them that are bad or lie in an episode: for `chance` */
  totals?: { events: number; bad: number };
}

export interface Evaluation {
  readonly pipeline: string;
  /** what recall counts: bad events, or episodes */
  readonly counted: 'event' | 'episode';
  /** different events that became risks and can be judged */
  readonly risks: number;
  /** risks in a time that nobody reviewed and outside every episode: neither right nor wrong */
  readonly unjudgedRisks: number;
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
 * Risks in a time that nobody reviewed count only where they lie in an episode.
 */
export function evaluate(
  pipeline: string,
  risks: Iterable<FoundRisk>,
  truth: Iterable<TruthRecord>,
  options: EvaluationOptions = {},
): Evaluation {
  const events: EventTruth[] = [];
  const episodes: EpisodeTruth[] = [];
  const unreviewed: UnreviewedTruth[] = [];
  for (const record of truth) {
    if (record.pipeline !== pipeline || beginOf(record) > (options.until ?? Number.POSITIVE_INFINITY))
      continue;
    if (record.type === 'event') events.push(record);
    else if (record.type === 'episode') episodes.push(record);
    else unreviewed.push(record);
  }
  if (events.length > 0 && episodes.length > 0) {
    throw new Error(
      `the truth of ${pipeline} has events and episodes; they are counted differently: give one of them`,
    );
  }
  const own = uniqueRisks(pipeline, risks);
  const slack = options.slack ?? SLACK[pipeline] ?? NO_SLACK;
  const { right, ...counts } = episodes.length > 0 ? byEpisode(own, episodes, slack) : byEvent(own, events);
  const inTime = byEntity(unreviewed);
  const unjudged = own.filter(
    (risk) =>
      !right.has(risk) && (inTime.get(risk.entity) ?? []).some((span) => isInside(risk, span, NO_SLACK)),
  ).length;
  const judged = own.length - unjudged;
  const { totals } = options;
  return {
    pipeline,
    counted: episodes.length > 0 ? 'episode' : 'event',
    risks: judged,
    unjudgedRisks: unjudged,
    rightRisks: right.size,
    ...counts,
    precision: judged === 0 ? null : right.size / judged,
    recall: counts.truths === 0 ? null : counts.foundTruths / counts.truths,
    chance: totals === undefined || totals.events === 0 ? null : totals.bad / totals.events,
  };
}

const NO_SLACK = { before: 0, after: 0 };

function beginOf(record: TruthRecord): number {
  return record.type === 'event' ? record.time : record.from;
}

function isInside(
  risk: FoundRisk,
  span: { from: number; to: number },
  slack: { before: number; after: number },
): boolean {
  return risk.eventTime >= span.from - slack.before && risk.eventTime <= span.to + slack.after;
}

function byEntity<T extends { entity: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const known = groups.get(item.entity);
    if (known) known.push(item);
    else groups.set(item.entity, [item]);
  }
  return groups;
}

interface Found extends Pick<Evaluation, 'truths' | 'foundTruths' | 'byKind'> {
  right: ReadonlySet<FoundRisk>;
}

function uniqueRisks(pipeline: string, risks: Iterable<FoundRisk>): FoundRisk[] {
  const byEventId = new Map<string, FoundRisk>();
  for (const risk of risks) if (risk.pipeline === pipeline) byEventId.set(risk.eventId, risk);
  return [...byEventId.values()];
}

function byEvent(risks: readonly FoundRisk[], events: readonly EventTruth[]): Found {
  const flagged = new Set(risks.map((risk) => risk.eventId));
  const isBad = new Set(events.map((event) => event.eventId));
  const tally = new Tally();
  for (const event of events) tally.add(event.kind, flagged.has(event.eventId));
  return { right: new Set(risks.filter((risk) => isBad.has(risk.eventId))), ...tally.counts() };
}

function byEpisode(
  risks: readonly FoundRisk[],
  episodes: readonly EpisodeTruth[],
  slack: { before: number; after: number },
): Found {
  const risksOf = byEntity(risks);
  const right = new Set<FoundRisk>();
  const tally = new Tally();
  for (const episode of episodes) {
    const inside = (risksOf.get(episode.entity) ?? []).filter((risk) => isInside(risk, episode, slack));
    for (const risk of inside) right.add(risk);
    tally.add(episode.kind, inside.length > 0);
  }
  return { right, ...tally.counts() };
}

class Tally {
  private readonly byKind: Record<string, { truths: number; found: number }> = {};

  add(kind: string, found: boolean): void {
    this.byKind[kind] ??= { truths: 0, found: 0 };
    const counts = this.byKind[kind];
    counts.truths++;
    if (found) counts.found++;
  }

  counts(): Omit<Found, 'right'> {
    const all = Object.values(this.byKind);
    return {
      truths: all.reduce((sum, one) => sum + one.truths, 0),
      foundTruths: all.reduce((sum, one) => sum + one.found, 0),
      byKind: this.byKind,
    };
  }
}
