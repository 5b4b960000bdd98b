import type { Kafka } from 'kafkajs';
import type { Incident } from '../../alerting/incidents.js';
import { CommittedOffsets, unfinished } from './unfinished.js';

const incident = (id: string, lastRiskOffset: number, lastCommandOffset: number) =>
  ({ id, lastRiskOffset, lastCommandOffset }) as Incident;

test('only incidents that took in what will be read again may lack something', () => {
  const all = [
    incident('done', 9, 4),
    incident('risk', 10, -1),
    incident('command', 3, 5),
    incident('both', 12, 7),
  ];
  expect(unfinished(all, { risks: 10, commands: 5 }).map(({ id }) => id)).toEqual([
    'risk',
    'command',
    'both',
  ]);
  expect(unfinished([incident('no command', 0, -1)], { risks: 1, commands: 0 })).toEqual([]);
});

describe('what the group has committed', () => {
  const topics = { risks: 'risks', commands: 'commands' };

  function broker() {
    let connections = 0;
    let committed = '7';
    const admin = {
      connect: async () => {
        connections++;
        if (committed === 'away') throw new Error('the broker is away');
      },
      disconnect: async () => undefined,
      fetchOffsets: async () => [
        {
          topic: 'risks',
          partitions: [
            { partition: 0, offset: committed },
            { partition: 1, offset: '-1' },
          ],
        },
      ],
      fetchTopicOffsets: async () => [
        { partition: 0, low: '2' },
        { partition: 1, low: '3' },
      ],
    };
    return {
      kafka: { admin: () => admin } as unknown as Kafka,
      connections: () => connections,
      commit: (offset: string) => {
        committed = offset;
      },
    };
  }

  test('is asked once for all partitions that are opened together, and anew later', async () => {
    const { kafka, connections, commit } = broker();
    const offsets = new CommittedOffsets(kafka, 'group', topics);
    expect(await Promise.all([0, 1].map((one) => offsets.of(one)))).toEqual([
      { risks: 7, commands: 2 },
      { risks: 3, commands: 3 },
    ]);
    expect(connections()).toBe(1);
    commit('9');
    expect(await offsets.of(0)).toEqual({ risks: 9, commands: 2 });
    expect(connections()).toBe(2);
  });

  test('is asked again after it could not be', async () => {
    const { kafka, commit } = broker();
    const offsets = new CommittedOffsets(kafka, 'group', topics);
    commit('away');
    await expect(offsets.of(0)).rejects.toThrow('away');
    commit('8');
    expect((await offsets.of(0)).risks).toBe(8);
  });
});
