import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TruthRecord } from '../../pipelines/source.js';
import type { BadKind } from './bad-events.js';

/** Where a planted bad event went, or that the broker refused it. */
export interface PlantedRecord {
  readonly pipeline: string;
  readonly topic: string;
  readonly kind: BadKind;
  readonly partition?: number;
  readonly offset?: string;
  readonly refused?: true;
}

/**
 * Writes what is known of the events to files of JSON lines, after the broker has acknowledged the events:
 * `<pipeline>.truth.jsonl` (TruthRecord) and `bad-events.jsonl` (PlantedRecord). They are begun anew.
 */
export class TruthFiles {
  private constructor(
    private readonly folder: string,
    private readonly files: Map<string, FileHandle>,
  ) {}

  static async create(folder: string, pipelines: readonly string[]): Promise<TruthFiles> {
    await mkdir(folder, { recursive: true });
    const files = new Map<string, FileHandle>();
    for (const name of [...pipelines.map(truthFile), BAD_FILE])
      files.set(name, await open(join(folder, name), 'w'));
    return new TruthFiles(folder, files);
  }

  truth(pipeline: string, records: readonly TruthRecord[]): Promise<void> {
    return this.append(truthFile(pipeline), records);
  }

  planted(record: PlantedRecord): Promise<void> {
    return this.append(BAD_FILE, [record]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => file.close()));
  }

  private async append(name: string, records: readonly object[]): Promise<void> {
    if (records.length === 0) return;
    const file = this.files.get(name);
    if (!file) throw new Error(`${join(this.folder, name)} wasn't opened`);
    await file.appendFile(`${records.map((record) => JSON.stringify(record)).join('\n')}\n`);
  }
}

export const BAD_FILE = 'bad-events.jsonl';

export function truthFile(pipeline: string): string {
  return `${pipeline}.truth.jsonl`;
}
