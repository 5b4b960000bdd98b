/** Measures of a score against point labels, ties counted fairly. */

/** Rows by falling score. */
function ranked(scores: ArrayLike<number>): Uint32Array {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row);
  return order.sort((a, b) => scores[b]! - scores[a]!);
}

/** Area under the ROC curve: ties count half. NaN without both classes. */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const order = ranked(scores);
  let positives = 0;
  let negatives = 0;
  let area = 0;
  for (let i = 0; i < order.length; ) {
    let tiedPositives = 0;
    let tiedNegatives = 0;
    const score = scores[order[i]!]!;
    for (; i < order.length && scores[order[i]!]! === score; i++) {
      if (labels[order[i]!]) tiedPositives++;
      else tiedNegatives++;
    }
    area += tiedNegatives * (positives + tiedPositives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return area / (positives * negatives);
}

/** Average precision: the sum of precision times the recall gained, a step for each distinct score. */
export function averagePrecision(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const order = ranked(scores);
  let positives = 0;
  let sum = 0;
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]!]!;
    let tied = 0;
    for (; i < order.length && scores[order[i]!]! === score; i++) if (labels[order[i]!]) tied++;
    positives += tied;
    sum += (tied * positives) / i;
  }
  return sum / positives;
}

/**
 * Share of labelled events (stretches of labelled rows) with a row above the score that `share` of the normal
 * rows lie above.
 */
export function eventRecall(scores: ArrayLike<number>, labels: ArrayLike<number>, share: number): number {
  const normal: number[] = [];
  for (let row = 0; row < scores.length; row++) if (!labels[row]) normal.push(scores[row]!);
  normal.sort((a, b) => b - a);
  const threshold = normal[Math.floor(share * normal.length)] ?? Number.NEGATIVE_INFINITY;
  let events = 0;
  let found = 0;
  let hit = false;
  for (let row = 0; row < scores.length; row++) {
    if (!labels[row]) {
      hit = false;
      continue;
    }
    if (row === 0 || !labels[row - 1]) events++;
    if (!hit && scores[row]! > threshold) {
      hit = true;
      found++;
    }
  }
  return found / events;
}

/** What a binary decision is worth row by row. */
export interface Rates {
  /** harmonic mean of precision and recall; 0 when nothing is right */
  readonly f1: number;
  /** percent of the normal rows that were flagged */
  readonly farPercent: number;
  /** percent of the labelled rows that were missed */
  readonly marPercent: number;
}

/** NaN for the rates of a class that isn't there. */
export function rates(flagged: ArrayLike<number | boolean>, labels: ArrayLike<number>): Rates {
  let right = 0;
  let wrong = 0;
  let positives = 0;
  for (let row = 0; row < labels.length; row++) {
    if (labels[row]) positives++;
    if (!flagged[row]) continue;
    if (labels[row]) right++;
    else wrong++;
  }
  return {
    f1: right === 0 ? 0 : (2 * right) / (positives + right + wrong),
    farPercent: (100 * wrong) / (labels.length - positives),
    marPercent: (100 * (positives - right)) / positives,
  };
}

/** Share of labelled events (stretches of labelled rows of one entity, rows in their order) with a flagged row inside. */
export function flaggedEvents(
  flagged: ArrayLike<number | boolean>,
  labels: ArrayLike<number>,
  entities: ArrayLike<string>,
): { events: number; found: number } {
  const open = new Map<string, { hit: boolean }>();
  let events = 0;
  let found = 0;
  for (let row = 0; row < labels.length; row++) {
    const entity = entities[row]!;
    if (!labels[row]) {
      open.delete(entity);
      continue;
    }
    let event = open.get(entity);
    if (event === undefined) {
      event = { hit: false };
      open.set(entity, event);
      events++;
    }
    if (flagged[row] && !event.hit) {
      event.hit = true;
      found++;
    }
  }
  return { events, found };
}
