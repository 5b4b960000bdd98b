import { setTimeout as sleep } from 'node:timers/promises';
import fetchApi from 'kafkajs/src/protocol/requests/fetch/index.js';

/**
 * A fetch is answered as soon as there is one record. At some thousand records a second that makes nearly as many
 * fetches, each of which costs the broker and this process as much as dozens of records; where they share a machine
 * with others, all of them come later for it. So the fetches of a topic are asked for at least so many milliseconds
 * apart, and after what took long to work off there is a pause as long as that, up to a bound: what arrives meanwhile
 * comes together, and costs less each. The first record after a rest doesn't wait, since its fetch is under way.
 * Behind a backlog, whose answers are large, nothing waits.
 */
export interface FetchPace {
  /** ms between two fetches at least */
  readonly leastApart: number;
  /** ms of a pause at most */
  readonly longestPause: number;
  /** an answer as large as this is one of a backlog; well below what a fetch may bring at most */
  readonly backlogBytes: number;
}

/** for so long after a large answer nothing waits, whatever small ones come from other brokers meanwhile */
const BACKLOG_MS = 2000;

/** Says how long to wait before the next fetch. Times are of one clock that never goes back, in ms. */
export class FetchPacer {
  #asked = Number.NEGATIVE_INFINITY;
  #answered = Number.NaN;
  #backlogAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly pace: FetchPace) {}

  wait(now: number): number {
    if (now - this.#backlogAt < BACKLOG_MS) return 0;
    const worked = Number.isNaN(this.#answered) ? 0 : now - this.#answered;
    const pause = Math.max(this.#asked + this.pace.leastApart - now, worked);
    return Math.max(0, Math.min(this.pace.longestPause, pause));
  }

  asked(now: number): void {
    this.#asked = now;
    this.#answered = Number.NaN;
  }

  answered(now: number, bytes: number): void {
    this.#answered = now;
    if (bytes >= this.pace.backlogBytes) this.#backlogAt = now;
  }
}

const pacers = new Map<string, FetchPacer>();
let installed = false;

/** From now on, for every consumer of the process. Topics of one consumer are to have one pace. */
export function paceFetches(topics: readonly string[], pace: FetchPace): void {
  // With several brokers several fetches are under way at a time: each waits for itself, but by all that were asked for.
  const pacer = new FetchPacer(pace);
  for (const topic of topics) pacers.set(topic, pacer);
  if (installed) return;
  installed = true;
  const { protocol } = fetchApi;
  fetchApi.protocol = (version) => {
    const make = protocol(version);
    return (wanted) => {
      const made = make(wanted);
      const pacer = pacers.get(wanted.topics[0]?.topic ?? '');
      if (pacer === undefined) return made;
      const { request, response } = made;
      return {
        ...made,
        request: {
          ...request,
          encode: async () => {
            const wait = pacer.wait(performance.now());
            if (wait >= 1) await sleep(wait);
            pacer.asked(performance.now());
            return request.encode();
          },
        },
        response: {
          ...response,
          decode: (raw) => {
            pacer.answered(performance.now(), raw.length);
            return response.decode(raw);
          },
        },
      };
    };
  };
}
