import { averagePrecision, flaggedEvents, rates, rocAuc } from '../../../detection/judging/measures.js';
import type { EventTable } from './event-table.js';

/** How the scores and risks compare with the labels, over the scored rows. null where a class is missing. */
export interface Figures {
  readonly auc: number | null;
  readonly ap: number | null;
  readonly f1: number | null;
  /** percent of the normal rows that became risks */
  readonly farPercent: number | null;
  /** percent of the labelled rows that did not */
  readonly marPercent: number | null;
  /** share of the labelled stretches of a key with a risk inside */
  readonly eventRecall: number | null;
  readonly labelled: number;
  readonly events: number;
  readonly rows: number;
}

export function figuresOf(
  table: EventTable,
  from: number,
  scores: Float32Array,
  risks: readonly { readonly index: number }[],
): Figures {
  const rows = table.rows - from;
  const labels = Uint8Array.from({ length: rows }, (_, row) => table.labelAt(from + row));
  const flagged = new Uint8Array(rows);
  for (const { index } of risks) flagged[index - from] = 1;
  const entities = Array.from({ length: rows }, (_, row) => table.keyAt(from + row));
  const scored = scores.subarray(from);
  const { f1, farPercent, marPercent } = rates(flagged, labels);
  const { events, found } = flaggedEvents(flagged, labels, entities);
  const labelled = labels.reduce((sum, label) => sum + label, 0);
  const both = labelled > 0 && labelled < rows;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    auc: both ? finite(rocAuc(scored, labels)) : null,
    ap: both ? finite(averagePrecision(scored, labels)) : null,
    f1: labelled > 0 ? finite(f1) : null,
    farPercent: finite(farPercent),
    marPercent: finite(marPercent),
    eventRecall: events === 0 ? null : found / events,
    labelled,
    events,
    rows,
  };
}
