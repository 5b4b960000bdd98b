import { createHash } from 'node:crypto';

/** Ids are derived, never drawn: redoing work writes the same thing again and never a second one. */
function derived(prefix: string, parts: readonly (string | number | bigint)[]): string {
  const hash = createHash('sha256').update(parts.join('\u0000')).digest();
  return `${prefix}_${hash.subarray(0, 15).toString('hex')}`;
}

export function riskId(
  pipeline: string,
  topic: string,
  partition: number,
  offset: bigint | number | string,
): string {
  return derived('rsk', [pipeline, topic, partition, String(offset)]);
}

/** Of a stream whose events are written with a schema that can't be read: the same for all that are. */
export function streamRiskId(pipeline: string, topic: string, writer: string): string {
  return derived('rsk', [pipeline, topic, 'schema', writer]);
}

export function deadLetterId(
  pipeline: string,
  topic: string,
  partition: number,
  offset: bigint | number | string,
): string {
  return derived('dlt', [pipeline, topic, partition, String(offset)]);
}

export function incidentId(firstRiskId: string): string {
  return derived('inc', [firstRiskId]);
}

export function parentId(group: string, member: string): string {
  return derived('inc', ['parent', group, member]);
}

export function deliveryId(incident: string, change: number, endpoint: string): string {
  return derived('dlv', [incident, change, endpoint]);
}
