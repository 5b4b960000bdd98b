import type { TriedRisk, TryResult } from './run.js';

/** The risks of one key that follow one another: what a person looks at once. */
export interface Episode {
  /** the strongest of its risks */
  readonly peak: TriedRisk;
  /** index of the first and of the last risk */
  readonly from: number;
  readonly to: number;
  readonly risks: number;
}

/** An episode as a report tells it. */
export interface ToldEpisode extends Episode {
  readonly number: string;
  readonly sentence: string;
}

/** Episodes in the order in which they begin: an alert, and the risks of its key up to the next one. */
export function episodesOf({
  table,
  risks,
  scores,
}: Pick<TryResult, 'table' | 'risks' | 'scores'>): Episode[] {
  type Open = { -readonly [K in keyof Episode]: Episode[K] };
  const episodes: Open[] = [];
  const openOf = new Map<string, Open>();
  for (const risk of risks) {
    const key = table.keyAt(risk.index);
    const open = openOf.get(key);
    if (risk.alert || open === undefined) {
      const fresh: Open = { peak: risk, from: risk.index, to: risk.index, risks: 1 };
      openOf.set(key, fresh);
      episodes.push(fresh);
      continue;
    }
    open.to = risk.index;
    open.risks++;
    if (scores[risk.index]! > scores[open.peak.index]!) open.peak = risk;
  }
  return episodes;
}

/** The strongest `most` of them, in the order in which they begin. */
export function strongest(episodes: readonly Episode[], scores: Float32Array, most: number): Episode[] {
  return [...episodes]
    .sort((a, b) => scores[b.peak.index]! - scores[a.peak.index]! || a.from - b.from)
    .slice(0, most)
    .sort((a, b) => a.from - b.from);
}
