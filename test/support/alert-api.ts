import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Kafka, Producer } from 'kafkajs';
import { Webhook } from 'standardwebhooks';
import { ownCodec } from '../../lib/avro.js';
import { createClickHouse } from '../../lib/clickhouse.js';
import { riskId } from '../../lib/ids.js';
import { createProducer, sendBatches } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { alertMetrics, createRegistry } from '../../lib/metrics.js';
import { partitionOf } from '../../lib/partitioner.js';
import { readAlertApiConfig } from '../../services/alert-api/config.js';
import { type AlertApi, startAlertApi } from '../../services/alert-api/service.js';

export const ADMIN_KEY = 'rw_test_0123456789abcdefghijklmn';

export interface Received {
  id: string;
  type: string;
  incident: string;
  entity: string;
  at: number;
}

export interface Receiver {
  readonly url: string;
  /** every request with a right signature, in its order */
  readonly received: Received[];
  readonly wrongSignatures: number;
  /** how it answers: a status, or nothing at all */
  answer: number | 'never';
  secret: string;
  stop(): Promise<void>;
}

/**
 * A webhook receiver on a free port; signatures are checked by the library of standardwebhooks.com.
 * @param options.anyTime for senders whose clock was put forward: the signature is checked, its age isn't
 */
export async function startReceiver({ anyTime = false } = {}): Promise<Receiver> {
  const receiver = {
    url: '',
    received: [] as Received[],
    wrongSignatures: 0,
    answer: 204 as number | 'never',
    secret: '',
    stop: async () => {},
  };
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request);
    try {
      const payload = verified(body, request.headers as Record<string, string>, receiver.secret, anyTime);
      const { incident } = payload.data;
      receiver.received.push({
        id: String(request.headers['webhook-id']),
        type: payload.type,
        incident: incident?.id ?? '',
        entity: incident?.entity ?? '',
        at: Date.now(),
      });
    } catch {
      receiver.wrongSignatures += 1;
    }
    if (receiver.answer !== 'never') response.writeHead(receiver.answer).end();
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  receiver.stop = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return receiver;
}

interface WebhookPayload {
  type: string;
  data: { incident?: { id: string; entity: string } };
}

function verified(
  body: string,
  headers: Record<string, string>,
  secret: string,
  anyTime: boolean,
): WebhookPayload {
  const webhook = new Webhook(secret);
  if (!anyTime) return webhook.verify(body, headers) as WebhookPayload;
  const at = new Date(Number(headers['webhook-timestamp']) * 1000);
  const right = webhook.sign(headers['webhook-id']!, at, body);
  if (!headers['webhook-signature']!.split(' ').includes(right)) throw new TypeError('wrong signature');
  return JSON.parse(body) as WebhookPayload;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export interface TestApi {
  readonly api: AlertApi;
  /** JSON in, JSON out; the status is in `status` */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail when something isn't there
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: any }>;
  metric(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** One replica of the alert API as its main would start it. */
export async function startTestApi(
  kafka: Kafka,
  brokers: string[],
  env: Record<string, string>,
  producerOf: (producer: Producer) => Producer = (producer) => producer,
  now: () => number = Date.now,
): Promise<TestApi> {
  const config = readAlertApiConfig({
    RISKWIRE_BROKERS: brokers.join(),
    RISKWIRE_PORT: '0',
    RISKWIRE_INSECURE_LOCAL: '1',
    RISKWIRE_BOOTSTRAP_KEY: ADMIN_KEY,
    RISKWIRE_WEBHOOK_ALLOW: '127.0.0.0/8',
    RISKWIRE_RATE_LIMIT: '100000',
    ...env,
  });
  const registry = createRegistry('alert-api', { processFigures: false });
  const producer = producerOf(await createProducer(kafka));
  const clickhouse = createClickHouse({
    url: config.clickhouseUrl,
    database: config.clickhouseDatabase,
    user: config.clickhouseUser,
    password: config.clickhousePassword,
  });
  const api = await startAlertApi(config, {
    kafka,
    producer,
    clickhouse,
    quiet: () => 600_000,
    registry,
    metrics: alertMetrics(registry),
    version: '0.0.0',
    log: silentLog(),
    now,
  });
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  return {
    api,
    async call(method, path, body) {
      const json =
        body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
      const response = await fetch(api.url + path, { method, headers, ...json });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : undefined };
    },
    metric: async (name) => (await registry.getSingleMetricAsString(name)).trim(),
    async stop() {
      await api.stop();
      await Promise.all([producer.disconnect(), clickhouse.close()]);
    },
  };
}

/** Waits until `probe` gives something, or fails after `timeoutMs` with what it was waiting for. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export interface TestRisk {
  entity: string;
  eventTime?: number;
  severity?: 'low' | 'medium' | 'high' | 'critical';
  pipeline?: string;
}

/** offset of the next risk's event: an entity's events come in order, whichever call sends them */
let nextEvent = 0;

/** Sends risks to the partitions of their keys, as the scorer does. */
export async function sendRisks(
  kafka: Kafka,
  topic: string,
  risks: readonly TestRisk[],
  partitions: number,
): Promise<void> {
  const codec = ownCodec('risk');
  const producer = await createProducer(kafka);
  const records = risks.map(
    ({ entity, eventTime = Date.now(), severity = 'high', pipeline = 'transactions' }, i) => {
      const key = `${pipeline}|${entity}`;
      const risk = {
        ...{
          id: riskId(pipeline, randomUUID(), 0, i),
          pipeline,
          domain: 'EUR',
          entity,
          eventId: `e${i}`,
          eventTime,
          timeZone: 'Europe/Berlin',
          scoredAt: Date.now(),
        },
        ...{
          topic: 'transactions',
          partition: 0,
          offset: nextEvent++,
          score: 6 + i / 1000,
          pValue: 1e-6,
          threshold: 4,
          severity,
          detectors: { memory: 6 },
          model: 'm1',
          degraded: false,
        },
        reasons: [
          {
            feature: 'amount',
            field: 'amount',
            detector: 'memory',
            observed: 900,
            expected: 20,
            unit: 'EUR',
            direction: 'high',
            share: 0.8,
          },
        ],
        sentences: { en: 'The amount is far above this card’s habit.', zh: '金额远高于该卡的惯常水平。' },
        context: { country: 'DE' },
      };
      return { key, partition: partitionOf(key, partitions), value: codec.encode(risk) };
    },
  );
  try {
    await sendBatches(producer, topic, records);
  } finally {
    await producer.disconnect();
  }
}
