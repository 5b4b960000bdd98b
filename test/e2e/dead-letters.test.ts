import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KafkaMessage } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { type DeadLetter, deadLetterOf } from '../../lib/dead-letter.js';
import { createProducer, sendBatches } from '../../lib/kafka.js';
import { packageRoot } from '../../lib/paths.js';
import { readPartition } from '../../lib/topic-reader.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

const INPUT = 'payments';
const LETTERS = 'riskwire.dead-letters';

describeWithRealKafka('riskwire dead-letters', (broker) => {
  /** What the command prints with --json. */
  async function riskwire(...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(packageRoot(), 'bin/riskwire.mjs'), 'dead-letters', ...args, '--json'],
      { env: { ...process.env, RISKWIRE_BROKERS: broker().brokers.join() }, timeout: 60_000 },
    );
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  async function messages(topic: string, partition: number): Promise<KafkaMessage[]> {
    const found: KafkaMessage[] = [];
    await readPartition(broker().kafka, topic, partition, { onRecord: (record) => found.push(record) });
    return found;
  }

  test('replays what is selected with its bytes, key and headers to where it was, once', async () => {
    await broker().createTopic(INPUT, { partitions: 2 });
    await broker().createTopic(LETTERS, { partitions: 2 });
    const producer = await createProducer(broker().kafka);
    const value = Buffer.from([0, 255, 7]);
    const long = Buffer.alloc(5_000, 9);
    await sendBatches(producer, INPUT, [
      { key: 'card-1', value, partition: 1, headers: { trace: 'a', tag: ['x', 'y'] } },
      { key: 'card-2', value: long, partition: 1 },
      { key: 'card-3', value: Buffer.from('other'), partition: 1 },
    ]);
    const codec = ownCodec<DeadLetter>('dead-letter');
    const originals = await messages(INPUT, 1);
    const letters = originals.map((message, index) =>
      deadLetterOf(
        { pipeline: 'transactions', topic: INPUT, partition: 1, message, deadAt: 1_000 + index },
        { reason: index === 2 ? 'unknownSchema' : 'malformed', field: '', detail: 'it ends early' },
        1_000,
      ),
    );
    await sendBatches(
      producer,
      LETTERS,
      letters.map((letter) => ({ key: letter.id, value: codec.encode(letter) })),
    );
    await producer.disconnect();

    const listed = await riskwire('list');
    expect(listed).toMatchObject({ total: 3, unreadable: 0 });
    expect(await riskwire('list', '--reason', 'malformed')).toMatchObject({ total: 2 });
    const shown = await riskwire('show', letters[0]!.id);
    expect(shown).toMatchObject({ reason: 'malformed', value: value.toString('base64'), replayedAt: null });

    const ids = [letters[0]!.id, letters[1]!.id];
    expect(await riskwire('replay', '--reason', 'malformed', '--dry-run')).toEqual({ wouldReplay: ids });
    expect(await messages(INPUT, 1)).toHaveLength(3);
    expect(await riskwire('replay', '--reason', 'malformed')).toEqual({ replayed: ids, left: [] });

    const after = (await messages(INPUT, 1)).slice(3);
    expect(after.map((message) => message.key?.toString())).toEqual(['card-1', 'card-2']);
    expect(after[0]!.value).toEqual(value);
    // its letter holds the first 1,000 bytes
    expect(after[1]!.value).toEqual(long);
    expect(after[0]!.headers).toEqual({
      trace: Buffer.from('a'),
      tag: [Buffer.from('x'), Buffer.from('y')],
      'riskwire-dead-letter': Buffer.from(ids[0]!),
      'riskwire-origin': Buffer.from(`${INPUT}/1/0/${originals[0]!.timestamp}`),
    });

    // Marked, so the same selection sends nothing more.
    expect(await riskwire('list', '--open')).toMatchObject({ total: 1 });
    expect(await riskwire('list', '--replayed')).toMatchObject({ total: 2 });
    expect(await riskwire('replay', '--reason', 'malformed')).toEqual({ replayed: [], left: [] });
    const range = ['--topic', INPUT, '--partition', '1', '--from-offset', '1', '--to-offset', '1'];
    expect(await riskwire('replay', ...range, '--again')).toEqual({ replayed: [ids[1]], left: [] });
  }, 120_000);

  test('replaying everything has to be asked for', async () => {
    await expect(riskwire('replay')).rejects.toMatchObject({ code: 2 });
  });
});
