import { ERROR } from './errors.js';
import { Group } from './group.js';

export interface CommittedOffset {
  topic: string;
  partition: number;
  offset: number;
  metadata: string | undefined;
}

/** All consumer groups and what they have committed. */
export class Groups {
  private readonly groups = new Map<string, Group>();

  all(): Group[] {
    return [...this.groups.values()];
  }

  get(id: string): Group | undefined {
    return this.groups.get(id);
  }

  getOrCreate(id: string): Group {
    const group = this.groups.get(id) ?? new Group(id);
    this.groups.set(id, group);
    return group;
  }

  /** Returns an error code. */
  delete(id: string): number {
    const group = this.groups.get(id);
    if (!group) return ERROR.GROUP_ID_NOT_FOUND;
    if (group.state !== 'empty') return ERROR.NON_EMPTY_GROUP;
    this.groups.delete(id);
    return ERROR.NONE;
  }

  commit(id: string, { topic, partition, offset, metadata }: CommittedOffset): void {
    this.getOrCreate(id).offsets.set(JSON.stringify([topic, partition]), { offset, metadata });
  }

  /** -1 where nothing is committed. */
  committed(id: string, topic: string, partition: number): { offset: number; metadata: string | undefined } {
    const found = this.groups.get(id)?.offsets.get(JSON.stringify([topic, partition]));
    return found ?? { offset: -1, metadata: '' };
  }

  allCommitted(id: string): Map<string, number[]> {
    const topics = new Map<string, number[]>();
    for (const key of this.groups.get(id)?.offsets.keys() ?? []) {
      const [topic, partition] = JSON.parse(key) as [string, number];
      topics.set(topic, [...(topics.get(topic) ?? []), partition]);
    }
    return topics;
  }

  stop(): void {
    for (const group of this.groups.values()) group.stop();
  }
}
