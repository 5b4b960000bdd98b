import type { TopicReader } from '../../lib/topic-reader.js';
import type { CheckpointLog, PageKind, StatePoint } from './checkpoint.js';

export interface Restoring {
  readonly topic: string;
  readonly partition: number;
  readonly signal?: AbortSignal;
  /** lays a page over what was laid before */
  readonly lay: (kind: PageKind, bytes: Buffer) => Promise<void>;
  /** offsets passed and to pass, of this reading */
  readonly onProgress: (reading: 'markers' | 'pages', done: number, total: number) => void;
}

/**
 * Lays the newest complete state of a partition, page by page. The log is read twice: for its markers, since only the
 * last of them says which pages count, and then for those pages. So however many there are, no more is in memory than
 * two fetches.
 * @returns what the state stands for; undefined, and nothing was laid, when there is none
 * @throws when pages were deleted meanwhile: a newer owner has committed past them. Half of a state was laid then.
 */
export async function restoreState(
  reader: TopicReader,
  checkpoints: CheckpointLog,
  { topic, partition, signal, lay, onProgress }: Restoring,
): Promise<StatePoint | undefined> {
  await reader.readPartition(topic, partition, {
    signal,
    onRecord: (record) => checkpoints.note(record),
    onProgress: (done, total) => onProgress('markers', done, total),
  });
  const found = checkpoints.newest();
  if (found === undefined) return undefined;
  for (const { from, to, pages } of found.stretches) {
    const left = new Set(pages.keys());
    await reader.readPartition(topic, partition, {
      signal,
      from: BigInt(from),
      to: BigInt(to),
      onRecords: async (records) => {
        for (const { offset, value } of records) {
          const kind = pages.get(Number(offset));
          if (kind === undefined || value === null) continue;
          await lay(kind, value);
          left.delete(Number(offset));
        }
      },
      onProgress: (done, total) => onProgress('pages', done, total),
    });
    if (left.size > 0)
      throw new Error(
        `${left.size} pages of ${topic}/${partition} were deleted while they were read: whoever has the partition now has committed past them`,
      );
  }
  return found.point;
}
