import { type Look, lookIn } from '../looks.js';
import { type ChildOptions, startChild } from './child.js';
import { cpuSecondsOf } from './proc.js';

const TIMEOUT_MS = 15 * 60_000;
const STOP_MS = 10_000;

/** Runs a contender that says on stdout how far it is, until it has done its events. */
export async function runLooking(
  options: Omit<ChildOptions, 'onLine'>,
  events: number,
  onLook: (look: Look) => void = () => undefined,
): Promise<Look[]> {
  const looks: Look[] = [];
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const child = startChild({
    ...options,
    onLine(line) {
      const look = lookIn(line);
      if (look === undefined) return;
      looks.push({ ...look, cpu: cpuSecondsOf(child.pid) });
      onLook(look);
      if (look.done >= events) done();
    },
  });
  let timer: NodeJS.Timeout | undefined;
  let tooLate = false;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      tooLate = true;
      resolve();
    }, TIMEOUT_MS);
  });
  try {
    await Promise.race([all, child.ended, late]);
  } finally {
    clearTimeout(timer);
    await child.stop(STOP_MS);
  }
  const reached = looks[looks.length - 1]?.done ?? 0;
  if (reached < events) {
    const why = tooLate ? `had not ended after ${TIMEOUT_MS / 60_000} minutes` : child.outcome();
    throw new Error(`${options.name} did ${reached} of ${events} events and ${why}:\n${child.tail()}`);
  }
  return looks;
}
