import type { Look } from '../looks.js';
import type { Machine } from '../machine.js';

/** What every contender is given: the same topic of the same broker, and the same core. */
export interface Arena {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** where peers write their risks */
  readonly risks: string;
  readonly schemas: string;
  /** for logs and temporary definitions */
  readonly folder: string;
  readonly machine: Machine;
  readonly cores: readonly number[];
}

export interface Contender {
  readonly name: string;
  /** how many events of the topic it reads */
  readonly events: number;
  run(arena: Arena, onLook: (look: Look) => void): Promise<Look[]>;
}
