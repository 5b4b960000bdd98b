import type { KafkaMessage } from 'kafkajs';
import type { ReadOptions, TopicReader } from '../../lib/topic-reader.js';
import { CheckpointLog } from './checkpoint.js';
import { restoreState } from './restoring.js';

/** The log of a state partition that somebody else may change between two readings. */
class Log {
  readonly records: KafkaMessage[] = [];
  readings = 0;
  betweenReadings: () => void = () => undefined;

  append(records: readonly { key: string; value: Buffer | null }[]) {
    for (const { key, value } of records)
      this.records.push({
        ...{ key: Buffer.from(key), value, offset: String(this.records.length) },
      } as KafkaMessage);
  }

  reader(): TopicReader {
    const readPartition = async (_topic: string, _partition: number, options: ReadOptions) => {
      if (this.readings++ > 0) this.betweenReadings();
      const from = Number(options.from ?? 0);
      const to = Number(options.to ?? this.records.length);
      const read = this.records.filter(({ offset }) => Number(offset) >= from && Number(offset) < to);
      for (const one of read) {
        options.onRecord?.(one);
        await options.onRecords?.([one]);
      }
      return { records: read.length, end: BigInt(this.records.length) };
    };
    return { readPartition } as unknown as TopicReader;
  }
}

function checkpoint(log: Log, owner: CheckpointLog, texts: readonly string[], whole: boolean, next: number) {
  const draft = owner.begin(whole);
  log.append(texts.map((text) => draft.page({ kind: 'entities', bytes: Buffer.from(text) })));
  log.append([draft.marker({ next: BigInt(next), watermark: 0, model: 'm', budget: [] })]);
}

function restore(log: Log, laid: string[]) {
  return restoreState(log.reader(), new CheckpointLog(), {
    ...{ topic: 'state', partition: 0, onProgress: () => undefined },
    lay: async (_kind, bytes) => void laid.push(bytes.toString()),
  });
}

test('reads the markers, and then the pages that the newest one names, in one stretch', async () => {
  const log = new Log();
  const former = new CheckpointLog();
  checkpoint(log, former, ['old'], true, 5);
  const owner = new CheckpointLog();
  checkpoint(log, owner, ['a', 'b'], true, 10);
  checkpoint(log, owner, ['c'], false, 20);
  log.append([owner.begin(true).page({ kind: 'entities', bytes: Buffer.from('without a marker') })]);
  const laid: string[] = [];
  expect(await restore(log, laid)).toMatchObject({ next: 20n });
  expect(laid).toEqual(['a', 'b', 'c']);
  expect(log.readings).toBe(2);
});

test('an empty log is read once', async () => {
  const log = new Log();
  expect(await restore(log, [])).toBeUndefined();
  expect(log.readings).toBe(1);
});

test('pages that are deleted between the two readings are not taken for restored', async () => {
  const log = new Log();
  const owner = new CheckpointLog();
  checkpoint(log, owner, ['a', 'b'], true, 10);
  log.betweenReadings = () => log.records.splice(1, 1);
  await expect(restore(log, [])).rejects.toThrow('1 pages of state/0 were deleted');
});

test('a page that a reading gives twice does not stand for one that is gone', async () => {
  const log = new Log();
  const owner = new CheckpointLog();
  checkpoint(log, owner, ['a', 'b'], true, 10);
  log.betweenReadings = () => log.records.splice(1, 1, log.records[0]!);
  await expect(restore(log, [])).rejects.toThrow('1 pages of state/0 were deleted');
});
