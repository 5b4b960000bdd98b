import { join } from 'node:path';
import { createKafka, waitForKafka } from '../../lib/kafka.js';
import { createLog } from '../../lib/log.js';
import { packageRoot } from '../../lib/paths.js';
import { RegistryClient } from '../../lib/registry.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { readProducerConfig } from './config.js';
import type { FramingChoice } from './framing.js';
import type { Rate } from './pace.js';
import {
  type BadPlan,
  type ProducerResult,
  type RunningProducer,
  type StreamPlan,
  startProducer,
} from './producer.js';
import { type SourceOptions, STREAMS, sourceOf } from './sources.js';

/** What `riskwire produce` takes beside the environment (config.ts). */
export interface ProduceOptions extends Omit<SourceOptions, 'examplesDir'> {
  /** events a second of each stream, or of each by name; 'lag' (default): as fast as the group <group>-scorer reads */
  rate?: Rate | Readonly<Record<string, Rate>>;
  /** false: wait for no group. Only for brokers that keep what is unread */
  waitForGroup?: boolean;
  /** stop after so many events of each stream, or of each by name. Default: when the sources end, or never */
  events?: number | Readonly<Record<string, number>>;
  /** take the streams up at this position; earlier events are skipped */
  position?: number;
  /** both with a registry, single-object without */
  framing?: FramingChoice;
  /** bad events of each kind to plant among the transactions (or, without them, the first stream). Default 0 */
  bad?: number;
  /** folder for the ground truth: <pipeline>.truth.jsonl and bad-events.jsonl */
  truth?: string;
  /** told once a second how far it is */
  onProgress?: (soFar: ProducerResult) => void;
  /** told when all is set up, with the handle to change the pace or stop */
  onStarted?: (running: RunningProducer) => void;
  /** told when the broker isn't there yet, with the reason */
  onWait?: (reason: string) => void;
  /** ends it early; what was sent until then is the result */
  signal?: AbortSignal;
}

const PROGRESS_MS = 1_000;

/** Produces the streams of the configured pipelines until they end, the counts are reached or the signal aborts. */
export async function main(env: NodeJS.ProcessEnv, options: ProduceOptions = {}): Promise<ProducerResult> {
  const config = readProducerConfig(env);
  const log = createLog('producer', { level: config.logLevel, destination: process.stderr });
  const all = config.pipelines.includes('all');
  const pipelines = await loadPipelines(
    config.pipelinesDir,
    config.schemasDir,
    all ? undefined : config.pipelines,
  );
  // A user's own pipelines have no stream here: named ones are refused by sourceOf, of all only ours are taken.
  const streamed = all ? pipelines.filter(({ name }) => STREAMS.includes(name)) : pipelines;
  const registry = config.registryUrl === '' ? undefined : registryClient(config);

  const kafka = createKafka({ brokers: config.brokers, clientId: 'riskwire-producer', log });
  const { brokers, startupTimeout } = config;
  await waitForKafka(kafka, {
    timeoutMs: startupTimeout,
    brokers,
    onWait: options.onWait,
    signal: options.signal,
  });
  const running = await startProducer(
    {
      streams: plansOf(streamed, options),
      group: options.waitForGroup === false ? undefined : `${config.group}-scorer`,
      truthDir: options.truth,
    },
    { kafka, registry, schemasDir: config.schemasDir, log },
  );
  options.onStarted?.(running);
  return follow(running, options);
}

function registryClient(config: {
  registryUrl: string;
  registryUser: string;
  registryPassword: string;
}): RegistryClient {
  return new RegistryClient({
    url: config.registryUrl,
    user: config.registryUser,
    password: config.registryPassword,
  });
}

function plansOf(pipelines: readonly Pipeline[], options: ProduceOptions): StreamPlan[] {
  const examplesDir = join(packageRoot(), 'examples');
  const spoilt = pipelines.find(({ name }) => name === 'transactions') ?? pipelines[0];
  return pipelines.map((pipeline): StreamPlan => {
    const { name, topic } = pipeline;
    return {
      source: sourceOf(name, { ...options, examplesDir }),
      topic,
      rate: forPipeline(options.rate, name) ?? 'lag',
      limit: forPipeline(options.events, name),
      position: options.position,
      framing: options.framing,
      bad: pipeline === spoilt && options.bad ? badPlan(pipeline, options.bad) : undefined,
    };
  });
}

function forPipeline<V extends string | number>(
  option: V | Readonly<Record<string, V>> | undefined,
  name: string,
): V | undefined {
  return typeof option === 'object' ? option[name] : option;
}

function badPlan(pipeline: Pipeline, each: number): BadPlan {
  const number = pipeline.features.numbers[0]?.field;
  if (number === undefined || pipeline.eventId === undefined) {
    throw new Error(
      `${pipeline.name} needs a number and an eventId in its definition for bad events to be planted in it`,
    );
  }
  return { each, fields: { time: pipeline.time, number, text: pipeline.eventId } };
}

async function follow(
  running: RunningProducer,
  { signal, onProgress }: ProduceOptions,
): Promise<ProducerResult> {
  const timer = setInterval(() => onProgress?.(running.progress()), PROGRESS_MS);
  const stop = () => void running.stop();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    return await running.done;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  }
}
