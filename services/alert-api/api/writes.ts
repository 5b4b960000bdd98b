import { Problem } from './problems.js';

/** A write to Kafka on a caller's behalf. What isn't acked may or may not be kept: the caller is told to look. */
export async function kafkaWrite<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (cause) {
    throw new Problem(
      'kafka-away',
      'the change was not confirmed by Kafka: look whether it is there, and try again in a few seconds',
      { retryAfterSeconds: 5, cause },
    );
  }
}
