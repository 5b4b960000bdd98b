import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Evaluation, evaluate, type FoundRisk } from '../../../pipelines/evaluation.js';
import type { TruthRecord } from '../../../pipelines/source.js';
import type { ProducerResult } from '../../producer/producer.js';
import { truthFile } from '../../producer/truth-files.js';

/** Judges each pipeline's risks by the ground truth that the producer kept apart from the events. */
export async function judge(
  folder: string,
  produced: ProducerResult,
  risks: readonly FoundRisk[],
): Promise<Record<string, Evaluation>> {
  const judged: Record<string, Evaluation> = {};
  for (const [pipeline, counts] of Object.entries(produced.perPipeline)) {
    judged[pipeline] = evaluate(pipeline, risks, await readTruth(join(folder, truthFile(pipeline))), {
      until: counts.until ?? undefined,
      totals: { events: counts.events - counts.unreviewedEvents, bad: counts.truthEvents },
    });
  }
  return judged;
}

async function readTruth(file: string): Promise<TruthRecord[]> {
  const records: TruthRecord[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line !== '') records.push(JSON.parse(line) as TruthRecord);
  }
  return records;
}
