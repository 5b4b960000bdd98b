import type { EventColumns } from '../../detection/features/columns.js';
import { checkString, hashString } from '../../detection/features/hash.js';
import type { FeaturePlan } from '../../detection/features/plan.js';
import { MOST_KEY_BYTES } from '../../detection/state/encoding.js';
import { deadLetter, type Undecodable } from '../../lib/dead-letter-reasons.js';
import type { Pipeline } from '../../pipelines/loader.js';

export type Taken = 'taken' | 'late' | Undecodable;

/** 1970-01-01 to 2100-01-01: outside lie clocks that were never set and units mistaken (seconds, microseconds). */
export const EARLIEST = 0;
export const LATEST = Date.UTC(2100, 0, 1);

/** Checks decoded events and lays them into columns. */
export class Intake {
  readonly #pipeline: Pipeline;
  readonly #numbers: readonly string[];
  readonly #categories: readonly string[];
  /** of each category: whether its values are entities of their own */
  readonly #secondary: readonly boolean[];
  readonly #knowsZone: (zone: string) => boolean;

  constructor(pipeline: Pipeline, plan: FeaturePlan, knowsZone: (zone: string) => boolean) {
    this.#pipeline = pipeline;
    this.#numbers = plan.numbers.map((number) => number.field);
    this.#categories = plan.categories;
    this.#secondary = plan.categories.map((field) => pipeline.labels?.secondary.includes(field) === true);
    this.#knowsZone = knowsZone;
  }

  /**
   * Puts an event into row `columns.size` and counts it there, or says why not.
   * @param messageTime the message's own timestamp, epoch ms, that "ahead" is measured from; NaN if it has none
   * @param watermark newest event time of the partition, that "late" is measured from
   */
  take(
    event: Readonly<Record<string, unknown>>,
    entity: string,
    offset: number,
    messageTime: number,
    watermark: number,
    columns: EventColumns,
  ): Taken {
    const pipeline = this.#pipeline;
    const time = event[pipeline.time];
    if (typeof time !== 'number') return deadLetter.missingField(pipeline.time);
    if (!(time >= EARLIEST && time < LATEST))
      return deadLetter.timeOutOfRange(pipeline.time, time, EARLIEST, LATEST);
    if (time > messageTime + pipeline.ahead) {
      return deadLetter.tooFarAhead(pipeline.time, time, messageTime, `${pipeline.ahead / 1000} s`);
    }
    const zone = textOf(event, pipeline.timeZone, 'UTC');
    if (zone === undefined) return deadLetter.missingField(pipeline.timeZone.field!);
    if (!this.#knowsZone(zone)) return deadLetter.badTimeZone(pipeline.timeZone.field ?? 'timeZone', zone);
    const domain = textOf(event, pipeline.domain, 'all');
    if (domain === undefined) return deadLetter.missingField(pipeline.domain.field!);
    const domainBytes = Buffer.byteLength(domain);
    if (domainBytes > MOST_KEY_BYTES)
      return deadLetter.domainTooLong(pipeline.domain.field ?? 'domain', domainBytes, MOST_KEY_BYTES);

    const row = columns.size;
    columns.hashed = true;
    columns.slots[row] = -1;
    for (let i = 0; i < this.#numbers.length; i++) {
      const value = event[this.#numbers[i]!];
      if (typeof value === 'number') {
        if (!Number.isFinite(value)) return deadLetter.notFinite(this.#numbers[i]!, value);
        columns.numbers[i]![row] = value;
      } else columns.numbers[i]![row] = Number.NaN;
    }
    for (let i = 0; i < this.#categories.length; i++) {
      const value = event[this.#categories[i]!];
      const text = typeof value === 'string' ? value : '';
      columns.categories[i]![row] = text;
      columns.hashes[i]![row] = hashString(text);
      if (this.#secondary[i]) columns.checks[i]![row] = checkString(text);
      columns.textStarts[i]![row] = -1;
    }
    // Only after the checks above, so that a bad event is a dead letter whenever it comes.
    if (time < watermark - pipeline.late) return 'late';
    columns.entities[row] = entity;
    columns.close(domain, zone, time, offset);
    return 'taken';
  }
}

/** The text that a definition takes from a field or fixes; undefined when the field is empty. */
function textOf(
  event: Readonly<Record<string, unknown>>,
  from: { readonly field?: string; readonly fixed?: string },
  otherwise: string,
): string | undefined {
  if (from.field === undefined) return from.fixed ?? otherwise;
  const value = event[from.field];
  return typeof value === 'string' ? value : undefined;
}
