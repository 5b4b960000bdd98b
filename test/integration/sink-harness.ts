import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Kafka, Producer } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { type ClickHouseClient, type ClickHouseConfig, createClickHouse } from '../../lib/clickhouse.js';
import { createProducer, sendBatches } from '../../lib/kafka.js';
import { type Logger, silentLog } from '../../lib/log.js';
import { createRegistry, type Registry, sinkMetrics } from '../../lib/metrics.js';
import { ensureTopics, ownTopics, type TopicNames, topicNames } from '../../lib/topics.js';
import { type Sink, type SinkOptions, startSink } from '../../services/sink/sink.js';

/** What one test needs: topics and a consumer group of its own, a sink, and rows to look at. */
export class SinkBench {
  readonly prefix = `t${randomUUID().slice(0, 8)}.`;
  readonly names: TopicNames = topicNames(this.prefix);
  readonly registry: Registry = createRegistry('sink', { processFigures: false });
  readonly clickhouse: ClickHouseClient;
  private readonly opened: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly kafka: Kafka,
    readonly config: ClickHouseConfig,
    readonly producer: Producer,
  ) {
    this.clickhouse = createClickHouse(config);
  }

  static async open(kafka: Kafka, config: ClickHouseConfig): Promise<SinkBench> {
    const bench = new SinkBench(kafka, config, await createProducer(kafka));
    await ensureTopics(kafka, ownTopics(bench.names, []), { partitions: 4, replication: 1 });
    return bench;
  }

  /** A running sink; `config` to reach ClickHouse another way than the bench does. */
  async startSink(
    options: Partial<SinkOptions> = {},
    config: ClickHouseConfig = this.config,
    log: Logger = silentLog(),
  ): Promise<Sink> {
    const clickhouse = createClickHouse(config);
    const sink = await startSink(
      {
        prefix: this.prefix,
        group: this.prefix,
        batchRows: 5_000,
        batchBytes: 4 << 20,
        bufferBytes: 8 << 20,
        ...options,
      },
      { kafka: this.kafka, producer: this.producer, clickhouse, metrics: this.metrics, log },
    );
    let stopped: Promise<unknown> | undefined;
    const stop = () => {
      stopped ??= sink.stop().then(() => clickhouse.close());
      return stopped as Promise<void>;
    };
    this.opened.push(stop);
    return { ...sink, stop };
  }

  readonly metrics = sinkMetrics(this.registry);

  async send(topic: string, record: string, values: readonly object[]): Promise<void> {
    const codec = ownCodec<unknown>(record);
    await sendBatches(
      this.producer,
      topic,
      values.map((value) => ({
        key: 'id' in value ? String(value.id) : randomUUID(),
        value: codec.encode(value),
      })),
    );
  }

  async rows<T = Record<string, unknown>>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    const result = await this.clickhouse.query({
      query,
      query_params: params,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    });
    return result.json<T>();
  }

  async count(query: string, params: Record<string, unknown> = {}): Promise<number> {
    const [row] = await this.rows<Record<string, number>>(query, params);
    return Number(Object.values(row ?? {})[0]);
  }

  /** rows that the sinks of this bench have inserted, those that were there already too */
  async insertedRows(table: string): Promise<number> {
    const { values } = await this.metrics.rows.get();
    return values.find(({ labels }) => labels.table === table)?.value ?? 0;
  }

  /** next offset of each partition of which the sink has committed anything */
  async committed(topic: string): Promise<Map<number, number>> {
    const admin = this.kafka.admin();
    await admin.connect();
    const [found] = await admin.fetchOffsets({ groupId: `${this.prefix}-sink`, topics: [topic] });
    await admin.disconnect();
    const offsets = (found?.partitions ?? []).map(({ partition, offset }): [number, number] => [
      partition,
      Number(offset),
    ]);
    return new Map(offsets.filter(([, offset]) => offset > 0));
  }

  async close(): Promise<void> {
    for (const stop of this.opened.reverse()) await stop();
    await Promise.all([this.producer.disconnect(), this.clickhouse.close()]);
  }
}

/** Asks until the answer is as wanted; fails with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface Line {
  readonly url: string;
  /** resets every connection and takes no more */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A TCP line to a server that a test can cut. */
export async function openLine(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    if (isCut) return client.resetAndDestroy();
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      socket.on('error', () => socket.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

const BASE_TIME = Date.UTC(2026, 5, 1);

/** A risk as the scorer writes it; the same number is the same risk. */
export function riskOf(number: number, over: Record<string, unknown> = {}) {
  return {
    id: `rsk_${number}`,
    pipeline: 'transactions',
    domain: number % 2 === 0 ? 'DE' : 'CN',
    entity: `card-${number % 7}`,
    eventId: `e${number}`,
    eventTime: BASE_TIME + number * 60_000,
    timeZone: 'Europe/Berlin',
    scoredAt: BASE_TIME + number * 60_000 + 40,
    topic: 'transactions',
    partition: number % 4,
    offset: number,
    score: 3 + (number % 10) / 10,
    pValue: 0.001,
    threshold: 3,
    severity: (['low', 'medium', 'high', 'critical'] as const)[number % 4],
    detectors: { autoencoder: 3.5, memory: 2 },
    reasons: [
      {
        feature: 'amount',
        field: 'amount',
        detector: 'autoencoder',
        observed: 910.5,
        expected: 40,
        unit: 'EUR',
        direction: 'high',
        share: 0.7,
      },
      {
        feature: 'terminal',
        field: 'terminal',
        detector: 'memory',
        observed: null,
        expected: null,
        unit: '',
        direction: 'unusual',
        share: 0.2,
      },
    ],
    sentences: { en: 'amount is 910.50 EUR, usually 40', zh: '金额为 910.50 欧元,通常为 40' },
    context: { terminal: 't1' },
    model: 'transactions-1',
    degraded: false,
    ...over,
  };
}

/** A block of sampled scores of `count` events from `first` on. */
export function scoreBlockOf(partition: number, first: number, count: number) {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return {
    pipeline: 'transactions',
    topic: 'transactions',
    partition,
    model: 'transactions-1',
    sampling: 0.1,
    offsets: numbers,
    entities: numbers.map((number) => `card-${number % 7}`),
    domains: numbers.map((number) => (number % 2 === 0 ? 'DE' : 'CN')),
    eventTimes: numbers.map((number) => BASE_TIME + number * 1_000),
    scores: numbers.map((number) => (number % 50) / 10),
  };
}
