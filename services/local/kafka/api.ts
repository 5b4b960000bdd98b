import type { Groups } from './groups.js';
import type { Topics } from './topics.js';
import type { Reader, Writer } from './wire.js';

export type Outcome = undefined | 'unanswered';

/** What a handler may use. */
export interface Broker {
  readonly topics: Topics;
  readonly groups: Groups;
  readonly port: number;
  readonly clusterId: string;
  nextProducerId(): number;
  readonly stopping: AbortSignal;
}

export interface Call {
  readonly broker: Broker;
  readonly version: number;
  readonly clientId: string;
  readonly in: Reader;
  readonly out: Writer;
  /** the group member that speaks on this connection */
  speaksFor(group: string, member: string): void;
}

/**
 * One request kind: which versions are understood (none of them has the compact encoding of KIP-482, which starts in
 * the next one), and how it is answered. 'unanswered': the client waits for none.
 */
export interface Api {
  readonly key: number;
  readonly versions: readonly [number, number];
  handle(call: Call): Outcome | Promise<Outcome>;
}

/** The only broker's id. */
export const NODE = 1;
export const HOST = '127.0.0.1';
