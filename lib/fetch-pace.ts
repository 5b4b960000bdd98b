import { setTimeout as sleep } from 'node:timers/promises';
import fetch from 'kafkajs/src/protocol/requests/fetch/index.js';

/**
 * A fetch is answered as soon as there is one record. At some thousand records a second that makes nearly as many
 * fetches, each of which costs the broker and this process as much as dozens of records; where they share a machine
 * with others, all of them come later for it. So fetches of named topics are asked for so many milliseconds apart at
 * least: what arrives meanwhile comes together. The first record after a pause doesn't wait, since its fetch is under
 * way; and where records take longer than that to be worked off, nothing ever waits.
 */
const LEAST_MS_APART = 5;

const topics = new Set<string>();
let asked = Number.NEGATIVE_INFINITY;
let installed = false;

/** From now on, for every consumer of the process. */
export function paceFetches(topic: string): void {
  topics.add(topic);
  if (installed) return;
  installed = true;
  const { protocol } = fetch;
  fetch.protocol = (version) => {
    const make = protocol(version);
    return (wanted) => {
      const made = make(wanted);
      if (!wanted.topics.some(({ topic }) => topics.has(topic))) return made;
      const { encode } = made.request;
      return {
        ...made,
        request: {
          ...made.request,
          encode: async () => {
            // With several brokers there are several fetches at a time: each waits for itself.
            const wait = asked + LEAST_MS_APART - performance.now();
            if (wait > 0) await sleep(wait);
            asked = performance.now();
            return encode();
          },
        },
      };
    };
  };
}
