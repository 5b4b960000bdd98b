import type { Incident } from '../../alerting/incidents.js';
import { ownCodec } from '../../lib/avro.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { topicNames } from '../../lib/topics.js';
import { entityKey } from '../../services/alert-api/records.js';
import type { Risk } from '../../services/scorer/risks.js';
import type { Found, Where } from './missing-webhooks.js';

/** An entity whose incidents don't hold as many risks as it has, in ClickHouse. */
export interface Outside {
  readonly pipeline: string;
  readonly entity: string;
  /** risks that it has */
  readonly risks: number;
  /** risks that its incidents say they hold */
  readonly held: number;
}

/** By entity, so that a risk too few here and one too many there are two faults and not none. */
export async function findOutside(clickhouse: ClickHouseClient): Promise<Outside[]> {
  const result = await clickhouse.query({
    query: `SELECT pipeline, entity, toUInt32(sum(one)) AS risks, toUInt32(sum(of_incident)) AS held
      FROM (
        SELECT pipeline, entity, 1 AS one, 0 AS of_incident FROM risks FINAL
        UNION ALL
        SELECT pipeline, entity, 0 AS one, risks AS of_incident FROM incidents_current
        WHERE id IN (SELECT id FROM incidents WHERE kind = 'single')
      )
      GROUP BY pipeline, entity HAVING risks != held ORDER BY pipeline, entity`,
    format: 'JSONEachRow',
  });
  return result.json<Outside>();
}

export function countOutside(found: readonly Outside[]): number {
  return found.reduce((sum, { risks, held }) => sum + Math.abs(risks - held), 0);
}

/** What the log says of these entities: all records of their risks and incidents, in their order. */
export async function explainOutside(
  outside: readonly Outside[],
  { kafka, prefix, partitions }: Omit<Where, 'endpoint'>,
): Promise<string[]> {
  if (outside.length === 0) return [];
  const topics = topicNames(prefix);
  const wanted = new Set(outside.map(entityKey));
  const risks: Found<Risk>[] = [];
  const incidents: Found<Incident>[] = [];
  const reader = await TopicReader.open(kafka);
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      const read = <V extends { pipeline: string; entity: string }>(
        topic: string,
        schema: string,
        into: Found<V>[],
      ) => {
        const codec = ownCodec<V>(schema);
        return reader.readPartition(topic, partition, {
          onRecord: ({ value, offset }) => {
            if (value === null) return;
            const record = codec.decode(value);
            if (wanted.has(entityKey(record)))
              into.push({ place: `${topic}/${partition} offset ${offset}`, value: record });
          },
        });
      };
      await read(topics.risks, 'risk', risks);
      await read(topics.incidents, 'incident', incidents);
    }
  } finally {
    await reader.close();
  }
  return outside.flatMap((one) => explainEntity(one, risks, incidents));
}

export function explainEntity(
  outside: Outside,
  risks: readonly Found<Risk>[],
  incidents: readonly Found<Incident>[],
): string[] {
  const key = entityKey(outside);
  const of = <V extends { pipeline: string; entity: string }>(found: readonly Found<V>[]) =>
    found.filter(({ value }) => entityKey(value) === key);
  return [
    `${outside.pipeline} ${outside.entity}: ${outside.risks} risks, and its incidents hold ${outside.held}`,
    ...of(risks).map(
      ({ place, value }) =>
        `  ${place}: ${value.id} of event ${value.topic}/${value.partition} offset ${value.offset}, score ${value.score.toFixed(3)}, scored at ${time(value.scoredAt)}`,
    ),
    ...of(incidents).map(
      ({ place, value }) =>
        `  ${place}: ${value.id} change ${value.change} '${value.changeKind}', ${value.state}, ${value.risks} risks, took in risks to ${value.lastRiskOffset} (event ${value.lastEventOffset}) and commands to ${value.lastCommandOffset}, at ${time(value.changedAt)}`,
    ),
  ];
}

const time = (ms: number) => new Date(ms).toISOString();
