export type Language = 'en' | 'zh';
export type Phase = 'visible' | 'fast' | 'settling';

export interface PipelineFigures {
  readonly name: string;
  readonly title: string;
  readonly events: number;
  readonly perSecond: number;
  readonly lag: number;
  /** seconds a micro-batch took, over the last seconds; NaN without any */
  readonly p50: number;
  readonly p99: number;
  readonly risks: number;
  readonly incidents: number;
  readonly deadLetters: number;
}

export type BreakerState = 'closed' | 'half-open' | 'open';

export interface IncidentLine {
  readonly openedAt: number;
  readonly timeZone: string;
  readonly severity: string;
  readonly pipeline: string;
  readonly entity: string;
  readonly risks: number;
  readonly sentence: string;
}

/** What the table shows: everything that the demo knows at one moment. */
export interface Snapshot {
  readonly phase: Phase;
  readonly elapsedSeconds: number;
  readonly remainingSeconds: number | undefined;
  readonly backend: string;
  readonly pipelines: readonly PipelineFigures[];
  readonly clickhouseRisks: number;
  readonly sinkLag: number;
  readonly alertLag: number;
  readonly deliveries: { readonly succeeded: number; readonly failed: number; readonly pending: number };
  readonly verified: number;
  readonly breakers: readonly { readonly endpoint: string; readonly state: BreakerState }[];
  readonly incidents: readonly IncidentLine[];
}

export interface Addresses {
  readonly api: string;
  readonly apiKey: string;
  readonly clickhouse: string;
  readonly database: string;
  readonly brokers: string;
  readonly folder: string;
}

export function totals(pipelines: readonly PipelineFigures[]) {
  const add = (pick: (figures: PipelineFigures) => number) =>
    pipelines.reduce((sum, figures) => sum + pick(figures), 0);
  return {
    events: add((p) => p.events),
    perSecond: add((p) => p.perSecond),
    lag: add((p) => p.lag),
    risks: add((p) => p.risks),
    incidents: add((p) => p.incidents),
    deadLetters: add((p) => p.deadLetters),
  };
}
