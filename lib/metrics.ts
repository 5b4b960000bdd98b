import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EVENTS = [1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096];

/** A registry for one process, with Node's own figures in it. Every sample carries `service`. */
export function createRegistry(service: string, { processFigures = true } = {}): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (processFigures) collectDefaultMetrics({ register: registry });
  return registry;
}

/** The scorer's figures. */
export function scorerMetrics(registry: Registry) {
  const registers = [registry];
  return {
    events: new Counter({
      name: 'riskwire_events_total',
      help: 'events read',
      labelNames: ['pipeline'],
      registers,
    }),
    dropped: new Counter({
      name: 'riskwire_events_dropped_total',
      help: 'events left out on purpose',
      labelNames: ['pipeline', 'reason'],
      registers,
    }),
    deadLetters: new Counter({
      name: 'riskwire_dead_letters_total',
      help: 'messages that could not be taken in',
      labelNames: ['pipeline', 'reason'],
      registers,
    }),
    risks: new Counter({
      name: 'riskwire_risks_total',
      help: 'risks published',
      labelNames: ['pipeline'],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'riskwire_batch_seconds',
      help: 'time for one micro-batch',
      labelNames: ['pipeline'],
      buckets: SECONDS,
      registers,
    }),
    batchEvents: new Histogram({
      name: 'riskwire_batch_events',
      help: 'events in one micro-batch',
      labelNames: ['pipeline'],
      buckets: EVENTS,
      registers,
    }),
    labels: new Counter({
      name: 'riskwire_labels_total',
      help: 'labels and windows of visits taken in; late: after partitions had scored the hour they count from',
      labelNames: ['pipeline', 'kind', 'late'],
      registers,
    }),
    secondStageOn: new Gauge({
      name: 'riskwire_second_stage_on',
      help: '1 while confirmed labels re-rank the events of the partition',
      labelNames: ['pipeline', 'partition'],
      registers,
    }),
    secondStageAp: new Gauge({
      name: 'riskwire_second_stage_ap',
      help: 'average precision over the labels of late of what each stage had said when the event was scored',
      labelNames: ['pipeline', 'partition', 'stage'],
      registers,
    }),
    secondStageLost: new Gauge({
      name: 'riskwire_second_stage_lost',
      help: 'events that made room before their label was due; raise labels.hold',
      labelNames: ['pipeline', 'partition'],
      registers,
    }),
    backend: new Gauge({
      name: 'riskwire_model_backend',
      help: '1 for the backend that runs the models',
      labelNames: ['backend'],
      registers,
    }),
    lag: lagGauge(registry),
  };
}
export type ScorerMetrics = ReturnType<typeof scorerMetrics>;

/** The sink's figures. */
export function sinkMetrics(registry: Registry) {
  const registers = [registry];
  return {
    rows: new Counter({
      name: 'riskwire_sink_rows_total',
      help: 'rows inserted into ClickHouse',
      labelNames: ['table'],
      registers,
    }),
    insertSeconds: new Histogram({
      name: 'riskwire_sink_insert_seconds',
      help: 'time for one insert',
      labelNames: ['table'],
      buckets: SECONDS,
      registers,
    }),
    lag: lagGauge(registry),
  };
}
export type SinkMetrics = ReturnType<typeof sinkMetrics>;

/** The alert API's figures. */
export function alertMetrics(registry: Registry) {
  const registers = [registry];
  return {
    incidents: new Counter({
      name: 'riskwire_incidents_total',
      help: 'incidents opened',
      labelNames: ['pipeline'],
      registers,
    }),
    deliveries: new Counter({
      name: 'riskwire_deliveries_total',
      help: 'deliveries by how they ended',
      labelNames: ['result'],
      registers,
    }),
    pending: new Gauge({ name: 'riskwire_deliveries_pending', help: 'deliveries not done yet', registers }),
    breaker: new Gauge({
      name: 'riskwire_breaker_state',
      help: '0 closed, 1 half-open, 2 open',
      labelNames: ['endpoint'],
      registers,
    }),
    lag: lagGauge(registry),
  };
}
export type AlertMetrics = ReturnType<typeof alertMetrics>;

function lagGauge(registry: Registry) {
  return new Gauge({
    name: 'riskwire_consumer_lag',
    help: 'records not yet read',
    labelNames: ['topic', 'partition'],
    registers: [registry],
  });
}
