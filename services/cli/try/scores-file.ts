import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Sentences } from '../../../detection/judging/sentences.js';
import type { TryResult } from './run.js';

/**
 * The scores as CSV, in time order: row (line of the file), time (ISO, UTC), key, score (-log10 p), p_value, risk (0 or
 * 1), top_reason of risks.
 */
export async function writeScores(path: string, result: TryResult, sentences: Sentences): Promise<void> {
  const { table, scores, trainRows, risks, made } = result;
  const byIndex = new Map(risks.map((risk) => [risk.index, risk]));
  const out = createWriteStream(path);
  const failure = once(out, 'error').then(([error]) => {
    throw error as Error;
  });
  // met at the races below; without a listener of its own it would end the process first
  failure.catch(() => undefined);
  let block = 'row,time,key,score,p_value,risk,top_reason\n';
  for (let index = trainRows; index < table.rows; index++) {
    const risk = byIndex.get(index);
    const score = scores[index]!;
    const reason =
      risk === undefined ? '' : sentences.sentence(risk.reasons, { entity: made.pipeline.entity, most: 1 });
    block += `${table.lineAt(index)},${new Date(table.timeAt(index)).toISOString()},${quoted(table.keyAt(index))},${score.toFixed(4)},${pValue(score)},${risk === undefined ? 0 : 1},${quoted(reason)}\n`;
    if (block.length > 1 << 16) {
      if (!out.write(block)) await Promise.race([once(out, 'drain'), failure]);
      block = '';
    }
  }
  out.end(block);
  await Promise.race([finished(out), failure]);
}

export function pValue(score: number): string {
  return Number((10 ** -score).toPrecision(4)).toString();
}

function quoted(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
