import type { Api, Broker, Call } from './api.js';
import { ERROR, KafkaRefusal } from './errors.js';
import type { PartitionLog } from './partition-log.js';

/** Request kinds that carry records and offsets of partitions. */

const produce: Api = {
  key: 0,
  versions: [3, 7],
  handle({ broker, version, in: request, out }) {
    request.nullableString(); // transactional id
    const acks = request.int16();
    request.int32(); // timeout
    const topics = request.array((reader) => ({
      name: reader.string(),
      partitions: reader.array((one) => ({ partition: one.int32(), records: one.bytes() })),
    }));
    out.array(topics, ({ name, partitions }) => {
      out.string(name).array(partitions, ({ partition, records }) => {
        const { error, offset, start } = append(broker, name, partition, records);
        out.int32(partition).int16(error).int64(offset).int64(-1); // no log append time
        if (version >= 5) out.int64(start);
      });
    });
    out.int32(0); // throttle time
    return acks === 0 ? 'unanswered' : undefined;
  },
};

function append(broker: Broker, name: string, partition: number, records: Buffer) {
  try {
    const log = broker.topics.partition(name, partition);
    return { error: ERROR.NONE, offset: log.append(records), start: log.startOffset };
  } catch (error) {
    if (error instanceof KafkaRefusal) return { error: error.code, offset: -1, start: -1 };
    throw error;
  }
}

interface Wanted {
  partition: number;
  offset: number;
  maxBytes: number;
}

const fetch: Api = {
  key: 1,
  versions: [4, 11],
  async handle({ broker, version, in: request, out }) {
    request.int32(); // replica
    const maxWaitMs = request.int32();
    const minBytes = request.int32();
    const maxBytes = request.int32();
    request.int8(); // isolation level: there are no transactions
    if (version >= 7) {
      request.int32(); // session: none is kept, so each request is complete
      request.int32();
    }
    const topics = request.array((reader) => ({
      name: reader.string(),
      partitions: reader.array((one): Wanted => {
        const partition = one.int32();
        if (version >= 9) one.int32(); // leader epoch
        const offset = one.int64();
        if (version >= 5) one.int64(); // log start
        return { partition, offset, maxBytes: one.int32() };
      }),
    }));
    await enough(broker, topics, minBytes, maxWaitMs);

    out.int32(0); // throttle time
    if (version >= 7) out.int16(ERROR.NONE).int32(0);
    let left = maxBytes;
    out.array(topics, ({ name, partitions }) => {
      out.string(name).array(partitions, ({ partition, offset, maxBytes: most }) => {
        const { error, start, end, records } = read(broker, name, partition, offset, Math.min(most, left));
        left -= records.reduce((sum, { length }) => sum + length, 0);
        out.int32(partition).int16(error).int64(end).int64(end); // high watermark, last stable offset
        if (version >= 5) out.int64(start);
        out.int32(-1); // aborted transactions: null
        if (version >= 11) out.int32(-1); // preferred replica
        out.joined(records);
      });
    });
  },
};

function read(broker: Broker, name: string, partition: number, offset: number, maxBytes: number) {
  try {
    const log = broker.topics.partition(name, partition);
    const records = maxBytes > 0 ? log.read(offset, maxBytes) : [];
    return { error: ERROR.NONE, start: log.startOffset, end: log.endOffset, records };
  } catch (error) {
    if (error instanceof KafkaRefusal) return { error: error.code, start: -1, end: -1, records: [] };
    throw error;
  }
}

/** Waits until there is enough to send, something is wrong, or the client has waited as long as it wants to. */
async function enough(
  broker: Broker,
  topics: readonly { name: string; partitions: Wanted[] }[],
  minBytes: number,
  maxWaitMs: number,
): Promise<void> {
  const wanted = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partition, offset }) => ({
      log: broker.topics.get(name)?.partitions[partition],
      offset,
    })),
  );
  if (maxWaitMs <= 0 || wanted.some(({ log }) => !log)) return;
  const watched = wanted as { log: PartitionLog; offset: number }[];
  const ready = () => {
    let bytes = 0;
    for (const { log, offset } of watched) {
      if (offset < log.startOffset || offset > log.endOffset) return true;
      if (offset < log.endOffset) bytes += minBytes > 1 ? sizeFrom(log, offset, minBytes) : 1;
      if (bytes >= minBytes) return true;
    }
    return false;
  };
  if (ready() || broker.stopping.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      for (const unwatch of watches) unwatch();
      broker.stopping.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, maxWaitMs);
    const watches = watched.map(({ log }) => log.watch(() => ready() && end()));
    broker.stopping.addEventListener('abort', end);
  });
}

function sizeFrom(log: PartitionLog, offset: number, atMost: number): number {
  return log.read(offset, atMost).reduce((sum, { length }) => sum + length, 0);
}

const LATEST = -1;
const EARLIEST = -2;

const listOffsets: Api = {
  key: 2,
  versions: [1, 5],
  handle({ broker, version, in: request, out }) {
    request.int32(); // replica
    if (version >= 2) request.int8(); // isolation level
    const topics = request.array((reader) => ({
      name: reader.string(),
      partitions: reader.array((one) => {
        const partition = one.int32();
        if (version >= 4) one.int32(); // leader epoch
        return { partition, timestamp: one.int64() };
      }),
    }));
    if (version >= 2) out.int32(0); // throttle time
    out.array(topics, ({ name, partitions }) => {
      out.string(name).array(partitions, ({ partition, timestamp }) => {
        const log = broker.topics.get(name)?.partitions[partition];
        const found = log ? offsetFor(log, timestamp) : { offset: -1, timestamp: -1 };
        out.int32(partition).int16(log ? ERROR.NONE : ERROR.UNKNOWN_TOPIC_OR_PARTITION);
        out.int64(found.timestamp).int64(found.offset);
        if (version >= 4) out.int32(-1); // leader epoch
      });
    });
  },
};

function offsetFor(log: PartitionLog, timestamp: number): { offset: number; timestamp: number } {
  if (timestamp === LATEST) return { offset: log.endOffset, timestamp: -1 };
  if (timestamp === EARLIEST) return { offset: log.startOffset, timestamp: -1 };
  return log.offsetAt(timestamp) ?? { offset: -1, timestamp: -1 };
}

const deleteRecords: Api = {
  key: 21,
  versions: [0, 1],
  handle({ broker, in: request, out }) {
    const topics = request.array((reader) => ({
      name: reader.string(),
      partitions: reader.array((one) => ({ partition: one.int32(), before: one.int64() })),
    }));
    out.int32(0).array(topics, ({ name, partitions }) => {
      out.string(name).array(partitions, ({ partition, before }) => {
        try {
          const start = broker.topics.partition(name, partition).deleteBefore(before);
          out.int32(partition).int64(start).int16(ERROR.NONE);
        } catch (error) {
          if (!(error instanceof KafkaRefusal)) throw error;
          out.int32(partition).int64(-1).int16(error.code);
        }
      });
    });
  },
};

const initProducerId: Api = {
  key: 22,
  versions: [0, 1],
  handle({ broker, in: request, out }: Call) {
    const transactional = request.nullableString();
    const error = transactional === undefined ? ERROR.NONE : ERROR.INVALID_REQUEST; // there are no transactions
    out
      .int32(0)
      .int16(error)
      .int64(error === ERROR.NONE ? broker.nextProducerId() : -1)
      .int16(0);
  },
};

export const DATA_APIS: readonly Api[] = [produce, fetch, listOffsets, deleteRecords, initProducerId];
