import { open } from 'node:fs/promises';
import { take } from '../../pipelines/source.js';
import { type Stream, streamEncoder, streamSource } from './stream.js';

const CHUNK_BYTES = 4 << 20;

/**
 * Writes a stream into a file for Feed.java: a key's length in four bytes, the key, a value's length, the value, and so
 * on. Values are in single-object encoding, keys are entities.
 */
export async function writeStreamFile(
  path: string,
  stream: Stream,
  events: number,
  progress: (done: number) => void,
): Promise<void> {
  const encode = streamEncoder(stream);
  const file = await open(path, 'w');
  try {
    let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let end = 0;
    let done = 0;
    for await (const batch of take(streamSource(stream), events).batches()) {
      for (let i = 0; i < batch.events.length; i += 1) {
        const key = batch.keys[i] ?? '';
        const value = encode(batch.events[i]!);
        const room = 8 + 3 * key.length + value.length;
        if (end + room > chunk.length) {
          await file.write(chunk, 0, end);
          if (room > chunk.length) chunk = Buffer.allocUnsafe(room);
          end = 0;
        }
        const written = chunk.write(key, end + 4);
        chunk.writeUInt32BE(written, end);
        end += 4 + written;
        chunk.writeUInt32BE(value.length, end);
        value.copy(chunk, end + 4);
        end += 4 + value.length;
      }
      done += batch.events.length;
      progress(done);
    }
    await file.write(chunk, 0, end);
    if (done !== events) throw new Error(`the generator gave ${done} events and ${events} were wanted`);
  } finally {
    await file.close();
  }
}
