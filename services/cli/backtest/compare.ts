import type { RaisedRisk } from './result.js';

/** A risk as far as a comparison needs it. */
export type ComparedRisk = Pick<RaisedRisk, 'eventId' | 'entity' | 'eventTime' | 'score' | 'severity'>;

export interface Comparison {
  /** what it is compared with */
  readonly with: string;
  readonly same: number;
  /** in both, with another severity now */
  readonly severityChanged: number;
  readonly onlyBefore: readonly ComparedRisk[];
  readonly onlyNow: readonly ComparedRisk[];
}

/** One event in two lists: by its producer's id, or by entity and time when it has none. */
function keyOf({ eventId, entity, eventTime }: ComparedRisk): string {
  return eventId === '' ? `${entity}\u0000${eventTime}` : eventId;
}

export function compareRisks(
  before: readonly ComparedRisk[],
  now: readonly ComparedRisk[],
  title: string,
): Comparison {
  const earlier = new Map(before.map((risk) => [keyOf(risk), risk]));
  const later = new Set(now.map(keyOf));
  let same = 0;
  let severityChanged = 0;
  const onlyNow: ComparedRisk[] = [];
  for (const risk of now) {
    const match = earlier.get(keyOf(risk));
    if (match === undefined) onlyNow.push(bare(risk));
    else {
      same++;
      if (match.severity !== risk.severity) severityChanged++;
    }
  }
  const onlyBefore = before.filter((risk) => !later.has(keyOf(risk))).map(bare);
  return { with: title, same, severityChanged, onlyBefore, onlyNow };
}

function bare({ eventId, entity, eventTime, score, severity }: ComparedRisk): ComparedRisk {
  return { eventId, entity, eventTime, score, severity };
}
