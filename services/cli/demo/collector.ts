import { parseMetrics, quantileOf, type Sample, select, sumOf } from './prometheus.js';
import type { BreakerState, IncidentLine, PipelineFigures } from './snapshot.js';

/** Rates and latencies are over this many of the last seconds. */
const WINDOW_MS = 5000;
const REQUEST_MS = 5000;

export interface Watched {
  readonly pipelines: readonly { readonly name: string; readonly topic: string; readonly title: string }[];
  readonly scorerUrl: string;
  readonly sinkUrl: string;
  readonly alertUrl: string;
  /** endpoint ids with the names that people gave them */
  readonly endpointNames: Readonly<Record<string, string>>;
  readonly clickhouseRisks: () => Promise<number>;
  readonly newestIncidents: () => Promise<IncidentLine[]>;
  readonly verified: () => Promise<number>;
}

export interface Figures {
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

async function metricsOf(url: string): Promise<Sample[]> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(REQUEST_MS) });
  if (!response.ok) throw new Error(`${url}/metrics answered ${response.status}`);
  return parseMetrics(await response.text());
}

/** Reads what the services publish about themselves; each call looks back to the page of some seconds before. */
export function startCollector(watched: Watched): { collect(): Promise<Figures> } {
  const history: { at: number; scorer: Sample[] }[] = [];
  return {
    async collect() {
      const [scorer, sink, alerts, clickhouseRisks, incidents, verified] = await Promise.all([
        metricsOf(watched.scorerUrl),
        metricsOf(watched.sinkUrl),
        metricsOf(watched.alertUrl),
        watched.clickhouseRisks(),
        watched.newestIncidents(),
        watched.verified(),
      ]);
      const at = Date.now();
      while (history.length > 1 && at - (history[1]?.at ?? at) >= WINDOW_MS) history.shift();
      const before = history[0];
      history.push({ at, scorer });
      const seconds = before ? (at - before.at) / 1000 : 0;
      return {
        backend:
          select(scorer, 'riskwire_model_backend').find(({ value }) => value === 1)?.labels['backend'] ?? '',
        pipelines: watched.pipelines.map(({ name, topic, title }) => {
          const only = { pipeline: name };
          const events = sumOf(scorer, 'riskwire_events_total', only);
          const earlier = before ? sumOf(before.scorer, 'riskwire_events_total', only) : 0;
          return {
            name,
            title,
            events,
            perSecond: seconds > 0 ? (events - earlier) / seconds : 0,
            lag: sumOf(scorer, 'riskwire_consumer_lag', { topic }),
            p50: quantileOf(0.5, scorer, 'riskwire_batch_seconds', only, before?.scorer),
            p99: quantileOf(0.99, scorer, 'riskwire_batch_seconds', only, before?.scorer),
            risks: sumOf(scorer, 'riskwire_risks_total', only),
            incidents: sumOf(alerts, 'riskwire_incidents_total', only),
            deadLetters: sumOf(scorer, 'riskwire_dead_letters_total', only),
          };
        }),
        clickhouseRisks,
        sinkLag: sumOf(sink, 'riskwire_consumer_lag'),
        alertLag: sumOf(alerts, 'riskwire_consumer_lag'),
        deliveries: {
          succeeded: sumOf(alerts, 'riskwire_deliveries_total', { result: 'succeeded' }),
          failed: sumOf(alerts, 'riskwire_deliveries_total', { result: 'failed' }),
          pending: sumOf(alerts, 'riskwire_deliveries_pending'),
        },
        verified,
        breakers: select(alerts, 'riskwire_breaker_state').map(({ labels, value }) => ({
          endpoint: watched.endpointNames[labels['endpoint'] ?? ''] ?? labels['endpoint'] ?? '',
          state: (['closed', 'half-open', 'open'] as const)[value] ?? 'open',
        })),
        incidents,
      };
    },
  };
}
