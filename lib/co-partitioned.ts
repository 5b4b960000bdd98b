import kafkajs, { type PartitionAssigner } from 'kafkajs';

/** Which member gets which partitions: partition p of every topic goes to the same one. Members and topics in any order. */
export function shareOut(
  members: readonly string[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort();
  const shares = new Map<string, Record<string, number[]>>(sorted.map((member) => [member, {}]));
  for (const [topic, partitions] of [...partitionsOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const partition of [...partitions].sort((a, b) => a - b)) {
      const share = shares.get(sorted[partition % sorted.length] ?? '');
      if (share) share[topic] = [...(share[topic] ?? []), partition];
    }
  }
  return shares;
}

/**
 * For a group that reads co-partitioned topics. kafkajs' round robin deals one topic after the other, so a member
 * would get partition 1 of the first and partition 2 of the second whenever the counts don't divide.
 */
export const coPartitioned: PartitionAssigner = ({ cluster }) => ({
  name: 'RiskwireCoPartitioned',
  version: 0,
  async assign({ members, topics }) {
    const partitionsOf = new Map(
      topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map((one) => one.partitionId)]),
    );
    const shares = shareOut(
      members.map((member) => member.memberId),
      partitionsOf,
    );
    return [...shares].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment,
        userData: Buffer.alloc(0),
      }),
    }));
  },
  protocol({ topics }) {
    return {
      name: 'RiskwireCoPartitioned',
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
        version: 0,
        topics,
        userData: Buffer.alloc(0),
      }),
    };
  },
});
