import type { Logger } from '../../lib/log.js';
import { KEPT_MS } from './api/idempotency.js';
import type { Control } from './control.js';

const EVERY_MS = 60_000;

/** When keys were last used, written down once a minute at most; the same round gives up what is past its time. */
export function noteUses(deps: {
  control: Pick<Control, 'uses' | 'answers' | 'bars' | 'silences'>;
  now(): number;
  log: Logger;
}): { note(keyId: string): void; stop(): void } {
  const { control, now, log } = deps;
  const since = new Map<string, number>();

  async function write(): Promise<void> {
    const used = [...since];
    since.clear();
    for (const [id, at] of used)
      if (at > (control.uses.get(id)?.at ?? 0)) await control.uses.save(id, { at }, 'riskwire');
    await control.answers.deleteOlder((one) => now() - one.at >= KEPT_MS);
    await control.bars.deleteOlder((one) => one.until < now() - KEPT_MS);
  }

  const timer = setInterval(() => {
    write().catch((error: unknown) =>
      log.warn({ error }, 'when API keys were used could not be written down; it is tried again'),
    );
  }, EVERY_MS);
  return {
    note: (keyId) => void since.set(keyId, now()),
    stop: () => clearInterval(timer),
  };
}
