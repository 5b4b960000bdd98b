import type { DeadLetter } from '../../../lib/dead-letter.js';

/** A letter with what came of it since. */
export interface Letter extends DeadLetter {
  /** when it was replayed the last time; undefined: never */
  replayedAt: number | undefined;
  /** the letter that this event was when it was replayed, and died again */
  replayOf: string | undefined;
}

/** Which letters are meant; what isn't given isn't asked. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly reason?: string;
  readonly pipeline?: string;
  /** of the original message */
  readonly topic?: string;
  readonly partition?: number;
  readonly fromOffset?: number;
  readonly toOffset?: number;
  /** when it became a dead letter, epoch ms: from inclusive, to exclusive */
  readonly from?: number;
  readonly to?: number;
  readonly replayed?: boolean;
}

/** On a replayed message: the id of the letter that it was. On a letter: when it was replayed. */
export const LETTER_HEADER = 'riskwire-dead-letter';
export const REPLAYED_HEADER = 'riskwire-replayed';

/** A letter as it is in the topic; the headers of our own are taken out of those of the message. */
export function letterFrom(record: DeadLetter): Letter {
  const own = (name: string) => record.headers.find((header) => header.name === name)?.value?.toString();
  const replayed = own(REPLAYED_HEADER);
  return {
    ...record,
    headers: record.headers.filter(({ name }) => name !== REPLAYED_HEADER && name !== LETTER_HEADER),
    replayedAt: replayed === undefined ? undefined : Date.parse(replayed),
    replayOf: own(LETTER_HEADER),
  };
}

export function selects(selection: Selection, letter: Letter): boolean {
  const { ids, reason, pipeline, topic, partition, fromOffset, toOffset, from, to, replayed } = selection;
  return (
    (ids === undefined || ids.includes(letter.id)) &&
    (reason === undefined || letter.reason === reason) &&
    (pipeline === undefined || letter.pipeline === pipeline) &&
    (topic === undefined || letter.topic === topic) &&
    (partition === undefined || letter.partition === partition) &&
    (fromOffset === undefined || letter.offset >= fromOffset) &&
    (toOffset === undefined || letter.offset <= toOffset) &&
    (from === undefined || letter.deadAt >= from) &&
    (to === undefined || letter.deadAt < to) &&
    (replayed === undefined || (letter.replayedAt !== undefined) === replayed)
  );
}
