import type { DeadLetter } from '../../../lib/dead-letter.js';
import {
  LETTER_HEADER,
  ORIGIN_HEADER,
  READ_AT_HEADER,
  REPLAYED_HEADER,
} from '../../../lib/letter-headers.js';

/** A letter with what came of it since. */
export interface Letter extends DeadLetter {
  /** when it was replayed the last time; undefined: never */
  replayedAt: number | undefined;
  /** the letter that this event was when it was replayed, and died again: this one, or that of another pipeline */
  replayOf: string | undefined;
  /** where its message died the last time; `offset` unless it was replayed before */
  readAt: number;
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

const OWN_HEADERS = [LETTER_HEADER, ORIGIN_HEADER, READ_AT_HEADER, REPLAYED_HEADER];

/** A letter as it is in the topic; the headers of our own are taken out of those of the message. */
export function letterFrom(record: DeadLetter): Letter {
  const own = (name: string) => record.headers.find((header) => header.name === name)?.value?.toString();
  const replayed = own(REPLAYED_HEADER);
  const readAt = own(READ_AT_HEADER);
  return {
    ...record,
    headers: record.headers.filter(({ name }) => !OWN_HEADERS.includes(name)),
    replayedAt: replayed === undefined ? undefined : Date.parse(replayed),
    replayOf: own(LETTER_HEADER),
    readAt: readAt === undefined ? record.offset : Number(readAt),
  };
}

/**
 * Of two records of one letter, what is known of it: the later death counts, and opens a letter that was replayed. A
 * scorer that reads a stretch again after a crash writes a death again; that one stays replayed.
 */
export function newerOf(before: Letter | undefined, letter: Letter): Letter {
  if (before === undefined || letter.readAt > before.readAt) return letter;
  // A mark that came after the message had died again, or an earlier death that was written again.
  if (letter.readAt < before.readAt) return before;
  return { ...letter, replayedAt: letter.replayedAt ?? before.replayedAt };
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
