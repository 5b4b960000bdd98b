import { DISABLE_AFTER_MS, healthAfter } from '../../alerting/delivery-rules.js';
import type { Logger } from '../../lib/log.js';
import type { Control } from './control.js';

export interface HealthWatch {
  /** Takes note of an attempt, made for a delivery of this partition. */
  observe(endpointId: string, succeeded: boolean, partition: number): void;
}

/**
 * Watches for endpoints that do nothing but fail. When that began is kept in the control topic, so that a restart or
 * a move of partitions doesn't begin the five days anew; only beginnings and ends are written.
 */
export function watchHealth(deps: {
  control: Pick<Control, 'health' | 'saveHealth' | 'deleteHealth'>;
  disable(endpointId: string, reason: string, partition: number): Promise<void>;
  now(): number;
  log: Logger;
  disableAfterMs?: number;
}): HealthWatch {
  const { control, now, log } = deps;
  const inARow = new Map<string, number>();
  const writing = new Set<string>();

  function write(endpointId: string, work: () => Promise<void>): void {
    if (writing.has(endpointId)) return; // the next attempt looks again
    writing.add(endpointId);
    work()
      .catch((error: unknown) =>
        log.warn({ error, endpoint: endpointId }, 'the health of an endpoint could not be written down'),
      )
      .finally(() => writing.delete(endpointId));
  }

  return {
    observe(endpointId, succeeded, partition) {
      const failures = succeeded ? 0 : (inARow.get(endpointId) ?? 0) + 1;
      inARow.set(endpointId, failures);
      const step = healthAfter(
        control.health(endpointId),
        failures,
        now(),
        deps.disableAfterMs ?? DISABLE_AFTER_MS,
      );
      if (step.kind === 'recovered') write(endpointId, () => control.deleteHealth(endpointId));
      if (step.kind === 'failing') write(endpointId, () => control.saveHealth(endpointId, step.health));
      if (step.kind === 'disable') {
        const since = new Date(step.failingSince).toISOString();
        write(endpointId, async () => {
          await deps.disable(endpointId, `every attempt failed since ${since}`, partition);
          await control.deleteHealth(endpointId);
        });
      }
    },
  };
}
