import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { incidentId } from '../../lib/ids.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { positionOf } from './delays.js';

export interface Webhooks {
  readonly url: string;
  /** epoch ms of the first webhook of each incident */
  readonly firstOf: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** A receiver that notes when it has heard of an incident first. */
export async function receiveWebhooks(): Promise<Webhooks> {
  const firstOf = new Map<string, number>();
  const server = createServer((request, response) => {
    const at = Date.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        data?: { incident?: { id: string }; items?: { incident: string }[] };
      };
      const { incident, items = [] } = body.data ?? {};
      for (const id of [...(incident ? [incident.id] : []), ...items.map((item) => item.incident)])
        if (!firstOf.has(id)) firstOf.set(id, at);
      response.writeHead(204).end();
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    firstOf,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Rows {
  /** epoch ms at which a query first showed the risk of the event at a position */
  readonly visible: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

const POLL_MS = 50;
const LOOK_BACK_SECONDS = 20;

/** Asks ClickHouse over and over which risks it has: a row is visible when a query shows it. */
export function watchRows(clickhouseUrl: string, database: string): Rows {
  const visible = new Map<number, number>();
  let stopping = false;
  const query = `SELECT event_id FROM ${database}.risks WHERE inserted_at > now64(3) - INTERVAL ${LOOK_BACK_SECONDS} SECOND SETTINGS max_threads = 1 FORMAT TSV`;
  const url = `${clickhouseUrl}/?query=${encodeURIComponent(query)}`;
  const watching = (async () => {
    while (!stopping) {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      const text = await response.text();
      if (!response.ok) throw new Error(`ClickHouse says ${response.status}: ${text.slice(0, 300)}`);
      const at = Date.now();
      for (const id of text.split('\n')) {
        const position = positionOf(id);
        if (position !== undefined && !visible.has(position)) visible.set(position, at);
      }
      await sleep(POLL_MS);
    }
  })();
  watching.catch(() => undefined);
  return {
    visible,
    async stop() {
      stopping = true;
      await watching;
    },
  };
}

export interface PublishedRisk {
  readonly position: number;
  /** epoch ms, by the broker's clock, which is this machine's */
  readonly at: number;
  /** the incident that it opens, if it opens one */
  readonly incident: string;
}

/** All risks of a topic whose records carry the time at which the broker appended them. */
export async function readRisks(kafka: Kafka, topic: string, partitions: number): Promise<PublishedRisk[]> {
  const codec = ownCodec<{ id: string; eventId: string }>('risk');
  const reader = await TopicReader.open(kafka);
  const risks: PublishedRisk[] = [];
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      await reader.readPartition(topic, partition, {
        onRecord: ({ value, timestamp }) => {
          if (value === null) return;
          const { id, eventId } = codec.decode(value);
          const position = positionOf(eventId);
          if (position !== undefined)
            risks.push({ position, at: Number(timestamp), incident: incidentId(id) });
        },
      });
    }
  } finally {
    await reader.close();
  }
  return risks;
}
