import { within } from '../../../lib/retry.js';
import type { ProducerResult } from '../../producer/producer.js';
import { CommandFailed } from '../exit.js';
import type { Layout } from './layout.js';
import type { Phase } from './snapshot.js';
import type { Stack } from './stack.js';

export interface ReplayOptions {
  readonly forMs: number | undefined;
  readonly visibleMs: number | undefined;
}

export interface Replay {
  phase(): Phase;
  /** since the first event could be sent */
  seconds(): number;
  remainingSeconds(): number | undefined;
  /** what was produced, once the producer has ended */
  result(signal: AbortSignal): Promise<ProducerResult>;
}

/** Events a second of each stream at the visible pace. */
const VISIBLE = 'transactions=400,production=60,agriculture=60';
/** planted of each kind of bad event */
const BAD_OF_EACH = 2;
const LATE_MS = 30_000;

/** The producer as a part of its own: first at a visible pace, then as fast as the scorer reads, with bad events in it. */
export function startReplay(stack: Stack, layout: Layout, { forMs, visibleMs }: ReplayOptions): Replay {
  const args = [
    'produce',
    '--json',
    '--rate',
    VISIBLE,
    '--bad',
    String(BAD_OF_EACH),
    '--truth',
    layout.truth,
  ];
  if (visibleMs !== undefined) args.push('--fast-after', `${visibleMs}ms`);
  if (forMs !== undefined) args.push('--for', `${forMs}ms`);
  const started = performance.now();
  const part = stack.start('producer', args, {}, { mayEnd: true });
  const elapsed = () => performance.now() - started;
  return {
    phase() {
      if (!part.running()) return 'settling';
      return visibleMs === undefined || elapsed() < visibleMs ? 'visible' : 'fast';
    },
    seconds: () => elapsed() / 1000,
    remainingSeconds: () => (forMs === undefined ? undefined : Math.max(0, forMs - elapsed()) / 1000),
    async result(signal) {
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      aborted.catch(() => undefined);
      const ended =
        forMs === undefined
          ? part.ended
          : within(part.ended, forMs + LATE_MS, () => new CommandFailed('the producer did not end in time'));
      await Promise.race([ended, aborted]);
      if (part.exitCode() !== 0) throw new CommandFailed(`the producer failed:\n${part.tail().join('\n')}`);
      return resultOf(part.tail());
    },
  };
}

/** The producer's last JSON line. */
function resultOf(lines: readonly string[]): ProducerResult {
  const line = lines.findLast((one) => one.startsWith('{') && one.includes('"perPipeline"'));
  if (!line) throw new CommandFailed(`the producer ended without a result:\n${lines.join('\n')}`);
  return JSON.parse(line) as ProducerResult;
}
