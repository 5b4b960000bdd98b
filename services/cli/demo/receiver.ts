import { retry } from '../../../lib/retry.js';
import { type Layout, portOf } from './layout.js';
import type { Stack } from './stack.js';

export interface Receiver {
  /** webhooks whose signature it could verify */
  verified(): Promise<number>;
}

const START_MS = 15_000;
const REQUEST_MS = 5000;

/** Starts the receiver with the endpoint's signing secret; it counts what it could verify. */
export async function startReceiver(
  stack: Stack,
  layout: Layout,
  secret: string,
  signal: AbortSignal,
): Promise<Receiver> {
  stack.start('receiver', ['receiver'], {
    RECEIVER_SECRET: secret,
    RECEIVER_HOST: '127.0.0.1',
    RECEIVER_PORT: portOf(layout.receiver),
  });
  const verified = async () => {
    const response = await fetch(layout.receiver, { signal: AbortSignal.timeout(REQUEST_MS) });
    const counts = (await response.json()) as { verified?: unknown };
    if (typeof counts.verified !== 'number')
      throw new Error(`the receiver at ${layout.receiver} gives no count of verified webhooks`);
    return counts.verified;
  };
  await retry(verified, { timeoutMs: START_MS, initialDelayMs: 50, signal });
  return { verified };
}
