import type { Arena, Contender } from '../contenders/contender.js';
import { type Steady, steady } from '../looks.js';

export interface RoundsOptions {
  readonly rounds: number;
  readonly started: (contender: Contender, round: number) => (done: number) => void;
  readonly finished: (contender: Contender, round: number, result: Steady) => void;
}

/** Interleaved, so that what the machine does besides falls on all of them alike. */
export async function runRounds(
  contenders: readonly Contender[],
  arena: Arena,
  { rounds, started, finished }: RoundsOptions,
): Promise<Map<string, Steady[]>> {
  const results = new Map<string, Steady[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const onLook = started(contender, round);
      const looks = await contender.run(arena, ({ done }) => onLook(done));
      const result = steady(looks, contender.events);
      results.get(contender.name)?.push(result);
      finished(contender, round, result);
    }
  }
  return results;
}
