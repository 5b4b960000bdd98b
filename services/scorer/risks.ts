import type { EventColumns } from '../../detection/features/columns.js';
import type { Reason } from '../../detection/judging/reasons.js';
import type { FlaggedRow } from '../../detection/scoring.js';
import { riskId } from '../../lib/ids.js';
import type { Pipeline } from '../../pipelines/loader.js';

/** A record of schemas/risk.avsc. */
export interface Risk {
  /** `stream`: about the stream itself, see streamRisk */
  kind: 'event' | 'stream';
  id: string;
  pipeline: string;
  domain: string;
  entity: string;
  eventId: string;
  eventTime: number;
  timeZone: string;
  scoredAt: number;
  topic: string;
  partition: number;
  offset: number;
  /** where a replayed event stood first; -1 for the others */
  origin: number;
  score: number;
  pValue: number;
  threshold: number;
  severity: FlaggedRow['severity'];
  detectors: Record<string, number>;
  reasons: Reason[];
  sentences: Record<string, string>;
  context: Record<string, string>;
  model: string;
  degraded: boolean;
  secondary: Record<string, string>;
  firstScore: number;
}

export interface RiskSource {
  readonly pipeline: Pipeline;
  readonly partition: number;
  readonly columns: EventColumns;
  /** the whole event of a row */
  readonly eventOf: (row: number) => Readonly<Record<string, unknown>>;
  /** the offset at which a row's event stood first, where that is another one */
  readonly originOf: (row: number) => number | undefined;
  readonly model: string;
  readonly degraded: boolean;
  /** -log10 p by row before labels re-ranked it */
  readonly firstSurprise: Float32Array;
  /** epoch ms */
  readonly now: number;
}

export function buildRisk(
  source: RiskSource,
  flagged: FlaggedRow,
  reasons: Reason[],
  detectors: Record<string, number>,
  sentences: Record<string, string>,
): Risk {
  const { pipeline, partition, columns, eventOf, originOf } = source;
  const { row, surprise } = flagged;
  const event = eventOf(row);
  const offset = columns.offsets[row]!;
  const origin = originOf(row);
  const eventId = pipeline.eventId === undefined ? '' : String(event[pipeline.eventId] ?? '');
  return {
    kind: 'event',
    id: riskId(pipeline.name, pipeline.topic, partition, origin ?? offset),
    pipeline: pipeline.name,
    domain: columns.domains[row]!,
    entity: columns.entities[row]!,
    eventId,
    eventTime: columns.times[row]!,
    timeZone: columns.zones[row]!,
    scoredAt: source.now,
    topic: pipeline.topic,
    partition,
    offset,
    origin: origin ?? -1,
    score: surprise,
    pValue: 10 ** -surprise,
    threshold: flagged.threshold,
    severity: flagged.severity,
    detectors,
    reasons,
    sentences,
    context: Object.fromEntries(pipeline.context.map((field) => [field, String(event[field] ?? '')])),
    model: source.model,
    degraded: source.degraded,
    secondary: Object.fromEntries(
      (pipeline.labels?.secondary ?? []).map((field) => [field, String(event[field] ?? '')]),
    ),
    firstScore: pipeline.labels === undefined ? 0 : source.firstSurprise[row]!,
  };
}

/** The key that keeps the risks of one entity in one partition, and with them its incidents. */
export function riskKey(risk: Pick<Risk, 'pipeline' | 'entity'>): string {
  return `${risk.pipeline}|${risk.entity}`;
}
