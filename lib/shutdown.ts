import { ConfigError } from './config.js';
import type { Logger } from './log.js';
import { within } from './retry.js';

export interface Running {
  stop(): Promise<void>;
  /** rejects when the service can't go on (its consumer crashed for good); never resolves */
  failed?: Promise<never>;
}

export interface RunOptions {
  /** how long `stop` may take before the process ends anyway. Default 8 s, so that all is over within 10 */
  stopTimeoutMs?: number;
  log?: Logger;
  /** where a failure is told without a log. Default: stderr */
  write?: (text: string) => void;
}

/** Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration, 130 ended by a second signal. */
export const EXIT = { stopped: 0, failed: 1, config: 2, secondSignal: 130 } as const;

/**
 * Runs a service's main: starts it, stops it on SIGTERM or SIGINT, ends the process with a code that says how it went.
 * A second signal ends at once. A ConfigError is printed as its message alone.
 */
export async function runService(
  name: string,
  start: (signal: AbortSignal) => Promise<Running>,
  options: RunOptions = {},
): Promise<void> {
  const stopping = new AbortController();
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(EXIT.secondSignal);
    stopping.abort(new Error('asked to stop'));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.exit(await serve(name, start, stopping.signal, options));
}

/** Starts a service, waits until it is asked to stop or fails, stops it. Gives the exit code. */
export async function serve(
  name: string,
  start: (signal: AbortSignal) => Promise<Running>,
  asked: AbortSignal,
  { stopTimeoutMs = 8_000, log, write = (text) => process.stderr.write(text) }: RunOptions = {},
): Promise<number> {
  const wish = new Promise<void>((resolve) =>
    asked.addEventListener('abort', () => resolve(), { once: true }),
  );
  const bounded = <T>(work: Promise<T>) =>
    within(work, stopTimeoutMs, () => new Error(`${name} did not stop within ${stopTimeoutMs} ms`));
  const report = (error: unknown) => {
    if (error instanceof ConfigError) write(`${error.message}\n`);
    else if (log) log.fatal({ error }, `${name} ended by a failure`);
    else write(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return error instanceof ConfigError ? EXIT.config : EXIT.failed;
  };

  let service: Running;
  try {
    const starting = start(asked);
    service = await Promise.race([starting, wish.then(() => bounded(starting))]);
  } catch (error) {
    // Who waits for a broker when the wish comes ends by it, in whatever words.
    if (asked.aborted) return EXIT.stopped;
    return report(error);
  }
  log?.info({}, `${name} started`);
  let code: number = EXIT.stopped;
  try {
    if (!asked.aborted) await Promise.race([wish, service.failed ?? wish]);
  } catch (error) {
    code = report(error);
  }
  try {
    await bounded(service.stop());
  } catch (error) {
    return report(error);
  }
  if (code === EXIT.stopped) log?.info({}, `${name} stopped`);
  return code;
}
