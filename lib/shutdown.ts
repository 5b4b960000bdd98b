import { ConfigError } from './config.js';
import type { Logger } from './log.js';
import { within } from './retry.js';

export interface Running {
  stop(): Promise<void>;
  /** rejects when the service can't go on (its consumer crashed for good); never resolves */
  failed?: Promise<never>;
}

export interface RunOptions {
  /** how long `stop` may take before the process ends anyway. Default 10 s */
  stopTimeoutMs?: number;
  log?: Logger;
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
  const { stopTimeoutMs = 10_000, log } = options;
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (stopping.signal.aborted) process.exit(EXIT.secondSignal);
      stopping.abort(new Error('asked to stop'));
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
  try {
    const service = await start(stopping.signal);
    log?.info({}, `${name} started`);
    let failure: unknown;
    await Promise.race([asked, service.failed ?? asked]).catch((error: unknown) => {
      failure = error;
    });
    await within(
      service.stop(),
      stopTimeoutMs,
      () => new Error(`${name} did not stop within ${stopTimeoutMs} ms`),
    );
    if (failure !== undefined) throw failure;
    log?.info({}, `${name} stopped`);
    process.exit(EXIT.stopped);
  } catch (error) {
    if (stopping.signal.aborted && error === stopping.signal.reason) process.exit(EXIT.stopped);
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EXIT.config);
    }
    if (log) log.fatal({ error }, `${name} ended by a failure`);
    else
      process.stderr.write(
        `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
    process.exit(EXIT.failed);
  }
}
