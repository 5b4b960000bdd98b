import type { Kafka } from 'kafkajs';
import type { Incident } from '../../alerting/incidents.js';
import { ownCodec } from '../../lib/avro.js';
import { deliveryId } from '../../lib/ids.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { topicNames } from '../../lib/topics.js';
import type { Delivery } from '../../services/alert-api/delivery.js';

/** A record and where it is, such as `deliveries/2 offset 140`. */
export interface Found<V> {
  readonly place: string;
  readonly value: V;
}

export interface Where {
  readonly kafka: Kafka;
  readonly prefix: string;
  readonly partitions: number;
  /** the endpoint whose webhooks these are */
  readonly endpoint: string;
}

/** What the log says of webhooks that did not come: one line each, with every record there is of it, in their order. */
export async function explainMissing(ids: readonly string[], where: Where): Promise<string[]> {
  if (ids.length === 0) return [];
  const topics = topicNames(where.prefix);
  const missing = new Set(ids);
  const deliveries: Found<Delivery>[] = [];
  const incidents: Found<Incident>[] = [];
  const reader = await TopicReader.open(where.kafka);
  try {
    for (let partition = 0; partition < where.partitions; partition += 1) {
      const read = <V>(topic: string, schema: string, take: (found: Found<V>) => void) => {
        const codec = ownCodec<V>(schema);
        return reader.readPartition(topic, partition, {
          onRecord: ({ value, offset }) => {
            if (value !== null)
              take({ place: `${topic}/${partition} offset ${offset}`, value: codec.decode(value) });
          },
        });
      };
      await read<Delivery>(topics.deliveries, 'delivery', (one) => {
        if (missing.has(one.value.id)) deliveries.push(one);
      });
      await read<Incident>(topics.incidents, 'incident', (one) => incidents.push(one));
    }
  } finally {
    await reader.close();
  }
  return ids.map((id) => explain(id, where.endpoint, deliveries, incidents));
}

/** All that is known of one webhook. A log without a record of it is the worst that can be said. */
export function explain(
  id: string,
  endpoint: string,
  deliveries: readonly Found<Delivery>[],
  incidents: readonly Found<Incident>[],
): string {
  const records = deliveries.filter(({ value }) => value.id === id);
  const told = incidents.find(({ value }) => deliveryId(value.id, value.change, endpoint) === id);
  const incident = told?.value.id ?? records[0]?.value.incident;
  const last = incidents.findLast(({ value }) => value.id === incident);
  return [
    told
      ? `${id} tells '${told.value.changeKind}' (change ${told.value.change}) of ${told.value.id}, ${told.place}, at ${time(told.value.changedAt)}`
      : `${id} tells change ${records[0]?.value.change ?? '?'} of ${incident ?? 'an incident that is not on record'}`,
    ...(records.length === 0
      ? ['there is NO record of a delivery']
      : records.map(({ place, value }) => `${place}: ${attempts(value)}, at ${time(value.updatedAt)}`)),
    ...(last
      ? [`the incident now: change ${last.value.change} '${last.value.changeKind}', ${last.value.state}`]
      : []),
  ].join('; ');
}

function attempts({ state, attempts: count, lastStatus, lastError, durationMs }: Delivery): string {
  if (count === 0) return `${state}${lastError === '' ? '' : ` (${lastError})`}, no attempt yet`;
  const said = lastError === '' ? `status ${lastStatus}` : lastError;
  return `${state} after ${count} attempts, the last: ${said} in ${Math.round(durationMs)} ms`;
}

const time = (ms: number) => new Date(ms).toISOString();
