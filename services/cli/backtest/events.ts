/** Events to replay, in the order in which a scorer would see them within each partition. */
export interface ReplayBatch {
  readonly partition: number;
  readonly events: readonly ReplayEvent[];
}

export interface ReplayEvent {
  readonly key: string;
  readonly event: Readonly<Record<string, unknown>>;
  readonly offset: number;
  /** the message's own timestamp, epoch ms; NaN for none */
  readonly timestamp: number;
}

export interface Replay {
  /** what is replayed, for people and for the result */
  readonly source: string;
  readonly topic: string;
  readonly partitions: number;
  batches(): AsyncIterable<ReplayBatch>;
  /** events that could not be read, by reason; complete when the batches have ended */
  readonly left: Record<string, number>;
}
