import { reasonOf, retry } from '../../../lib/retry.js';
import { CommandFailed } from '../exit.js';

/** Waits until a service says that it is ready; its own reasons are in the error when it doesn't. */
export async function waitUntilReady(
  name: string,
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ask = async () => {
    const response = await fetch(`${url}/health/ready`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text.trim().slice(0, 300)}`);
  };
  try {
    await retry(ask, { timeoutMs, initialDelayMs: 50, maxDelayMs: 300, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new CommandFailed(`the ${name} was not ready within ${timeoutMs / 1000} s: ${reasonOf(error)}`);
  }
}
