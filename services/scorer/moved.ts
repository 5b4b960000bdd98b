/** Kafka's answers to a member that commits while the group is rebalancing or after its partitions went to others. */
const MOVED = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** whether a commit failed only because the partition moves or has moved: whoever has it next commits it */
export function isMoved(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth++) {
    const type = (one as { type?: unknown }).type;
    if (typeof type === 'string' && MOVED.has(type)) return true;
    // kafkajs itself refuses: the consumer is between two memberships
    if (one.name === 'KafkaJSNonRetriableError' && type === undefined) return true;
  }
  return false;
}
