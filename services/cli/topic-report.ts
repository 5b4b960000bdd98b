import type { Admin } from 'kafkajs';
import type { TopicSpec } from '../../lib/topics.js';

export interface TopicLine {
  readonly topic: string;
  readonly kind: 'input' | 'log' | 'table';
  /** 0: the topic isn't there */
  readonly partitions: number;
  /** records between the first and the last offset; a compacted topic holds fewer */
  readonly records: number;
  /** records that a group hasn't read yet, by group; of groups that have committed something */
  readonly lag: Readonly<Record<string, number>>;
}

/** What is in each topic and how far each consumer group has read. */
export async function reportTopics(
  admin: Admin,
  inputs: readonly string[],
  own: readonly TopicSpec[],
  groups: readonly string[],
): Promise<TopicLine[]> {
  const present = new Set(await admin.listTopics());
  const wanted = [
    ...inputs.map((topic) => ({ topic, kind: 'input' as const })),
    ...own.map(({ name, kind }) => ({ topic: name, kind })),
  ];
  const there = wanted.filter(({ topic }) => present.has(topic)).map(({ topic }) => topic);
  const committed = new Map<string, Map<string, number>>();
  for (const groupId of groups) committed.set(groupId, await committedOffsets(admin, groupId, there));

  const lines: TopicLine[] = [];
  for (const { topic, kind } of wanted) {
    if (!present.has(topic)) {
      lines.push({ topic, kind, partitions: 0, records: 0, lag: {} });
      continue;
    }
    const offsets = await admin.fetchTopicOffsets(topic);
    const lag: Record<string, number> = {};
    for (const [groupId, positions] of committed) {
      const behind = offsets.flatMap(({ partition, high }) => {
        const position = positions.get(`${topic}/${partition}`);
        return position === undefined ? [] : [Number(high) - position];
      });
      if (behind.length > 0) lag[groupId] = behind.reduce((sum, value) => sum + value, 0);
    }
    const records = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    lines.push({ topic, kind, partitions: offsets.length, records, lag });
  }
  return lines;
}

async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: string[],
): Promise<Map<string, number>> {
  const positions = new Map<string, number>();
  if (topics.length === 0) return positions;
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
    for (const { partition, offset } of partitions)
      if (Number(offset) >= 0) positions.set(`${topic}/${partition}`, Number(offset));
  }
  return positions;
}
