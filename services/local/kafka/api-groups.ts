import { type Api, HOST, NODE } from './api.js';
import { ERROR } from './errors.js';
import type { Group, GroupState } from './group.js';

/** Request kinds of consumer groups. */

const findCoordinator: Api = {
  key: 10,
  versions: [0, 2],
  handle({ broker, version, out }) {
    if (version >= 1) out.int32(0); // throttle time
    out.int16(ERROR.NONE);
    if (version >= 1) out.string(undefined); // message
    out.int32(NODE).string(HOST).int32(broker.port);
  },
};

const joinGroup: Api = {
  key: 11,
  versions: [1, 5],
  async handle({ broker, version, clientId, speaksFor, in: request, out }) {
    const groupId = request.string();
    const sessionTimeoutMs = request.int32();
    const rebalanceTimeoutMs = request.int32();
    const memberId = request.string();
    if (version >= 5) request.nullableString(); // static membership: not here, members are told apart by their ids
    const protocolType = request.string();
    const protocols = request.array((reader) => ({
      name: reader.string(),
      metadata: Buffer.from(reader.bytes()),
    }));
    const answer = await broker.groups.getOrCreate(groupId).join({
      memberId,
      clientId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolType,
      protocols,
    });
    speaksFor(groupId, answer.memberId);
    if (version >= 2) out.int32(0); // throttle time
    out
      .int16(answer.error)
      .int32(answer.generation)
      .string(answer.protocol)
      .string(answer.leader)
      .string(answer.memberId);
    out.array(answer.members, ({ id, metadata }) => {
      out.string(id);
      if (version >= 5) out.string(undefined);
      out.bytes(metadata);
    });
  },
};

const heartbeat: Api = {
  key: 12,
  versions: [0, 3],
  handle({ broker, version, speaksFor, in: request, out }) {
    const groupId = request.string();
    const generation = request.int32();
    const memberId = request.string();
    speaksFor(groupId, memberId);
    if (version >= 1) out.int32(0); // throttle time
    out.int16(broker.groups.get(groupId)?.heartbeat(memberId, generation) ?? ERROR.UNKNOWN_MEMBER_ID);
  },
};

const leaveGroup: Api = {
  key: 13,
  versions: [0, 3],
  handle({ broker, version, in: request, out }) {
    const group = broker.groups.get(request.string());
    const members =
      version >= 3
        ? request.array((reader) => ({ id: reader.string(), instance: reader.nullableString() }))
        : [{ id: request.string() }];
    const leave = (id: string) => group?.leave(id) ?? ERROR.UNKNOWN_MEMBER_ID;
    if (version >= 1) out.int32(0); // throttle time
    if (version < 3) out.int16(leave(members[0]!.id));
    else out.int16(ERROR.NONE).array(members, ({ id }) => out.string(id).string(undefined).int16(leave(id)));
  },
};

const syncGroup: Api = {
  key: 14,
  versions: [0, 3],
  async handle({ broker, version, in: request, out }) {
    const groupId = request.string();
    const generation = request.int32();
    const memberId = request.string();
    if (version >= 3) request.nullableString();
    const assignments = new Map(
      request.array((reader): [string, Buffer] => [reader.string(), reader.bytes()]),
    );
    const group = broker.groups.get(groupId);
    const answer = await group?.sync(memberId, generation, assignments);
    if (version >= 1) out.int32(0); // throttle time
    out.int16(answer?.error ?? ERROR.UNKNOWN_MEMBER_ID).bytes(answer?.assignment ?? Buffer.alloc(0));
  },
};

const offsetCommit: Api = {
  key: 8,
  versions: [2, 7],
  handle({ broker, version, in: request, out }) {
    const groupId = request.string();
    const generation = request.int32();
    const memberId = request.string();
    if (version >= 7) request.nullableString();
    if (version <= 4) request.int64(); // retention
    const topics = request.array((reader) => ({
      topic: reader.string(),
      partitions: reader.array((one) => {
        const partition = one.int32();
        const offset = one.int64();
        if (version >= 6) one.int32(); // leader epoch
        return { partition, offset, metadata: one.nullableString() };
      }),
    }));
    const refusal = broker.groups.getOrCreate(groupId).mayCommit(memberId, generation);
    if (version >= 3) out.int32(0); // throttle time
    out.array(topics, ({ topic, partitions }) => {
      out.string(topic).array(partitions, (one) => {
        const known = broker.topics.get(topic)?.partitions[one.partition] !== undefined;
        const error = refusal !== ERROR.NONE || known ? refusal : ERROR.UNKNOWN_TOPIC_OR_PARTITION;
        if (error === ERROR.NONE) broker.groups.commit(groupId, { topic, ...one });
        out.int32(one.partition).int16(error);
      });
    });
  },
};

const offsetFetch: Api = {
  key: 9,
  versions: [1, 5],
  handle({ broker, version, in: request, out }) {
    const groupId = request.string();
    const asked = request.nullableArray((reader): [string, number[]] => [
      reader.string(),
      reader.array((one) => one.int32()),
    ]);
    if (version >= 3) out.int32(0); // throttle time
    out.array(asked ?? [...broker.groups.allCommitted(groupId)], ([topic, partitions]) => {
      out.string(topic).array(partitions, (partition) => {
        const { offset, metadata } = broker.groups.committed(groupId, topic, partition);
        out.int32(partition).int64(offset);
        if (version >= 5) out.int32(-1); // leader epoch
        out.string(metadata).int16(ERROR.NONE);
      });
    });
    if (version >= 2) out.int16(ERROR.NONE);
  },
};

/** As Kafka names them. */
const STATE: Readonly<Record<GroupState, string>> = {
  empty: 'Empty',
  joining: 'PreparingRebalance',
  syncing: 'CompletingRebalance',
  stable: 'Stable',
};

const describeGroups: Api = {
  key: 15,
  versions: [0, 2],
  handle({ broker, version, in: request, out }) {
    const ids = request.array((reader) => reader.string());
    if (version >= 1) out.int32(0); // throttle time
    out.array(ids, (id) => {
      const group = broker.groups.get(id);
      out.int16(ERROR.NONE).string(id);
      if (!group)
        return out
          .string('Dead')
          .string('')
          .string('')
          .array([], () => {});
      return out
        .string(STATE[group.state])
        .string(group.protocolType)
        .string(group.protocol)
        .array([...group.members.values()], (member) => {
          const metadata = member.protocols.find(({ name }) => name === group.protocol)?.metadata;
          out.string(member.id).string(member.clientId).string(`/${HOST}`);
          out.bytes(metadata ?? Buffer.alloc(0)).bytes(member.assignment);
        });
    });
  },
};

const listGroups: Api = {
  key: 16,
  versions: [0, 2],
  handle({ broker, version, out }) {
    if (version >= 1) out.int32(0); // throttle time
    out
      .int16(ERROR.NONE)
      .array(broker.groups.all(), ({ id, protocolType }: Group) => out.string(id).string(protocolType));
  },
};

const deleteGroups: Api = {
  key: 42,
  versions: [0, 1],
  handle({ broker, in: request, out }) {
    const ids = request.array((reader) => reader.string());
    out.int32(0).array(ids, (id) => out.string(id).int16(broker.groups.delete(id)));
  },
};

export const GROUP_APIS: readonly Api[] = [
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  offsetCommit,
  offsetFetch,
  describeGroups,
  listGroups,
  deleteGroups,
];
