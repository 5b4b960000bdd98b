import type { EventColumns } from '../../detection/features/columns.js';
import { checkAscii, checkString } from '../../detection/features/hash.js';
import type { FeaturePlan } from '../../detection/features/plan.js';
import { MOST_KEY_BYTES } from '../../detection/state/encoding.js';
import { FieldValues, KNOWN_TEXT, NUMBER, TEXT } from '../../lib/field-reader.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { EARLIEST, LATEST } from './intake.js';
import { hashText, KnownHashes, TextCache } from './text-cache.js';

/** zones and domains are few */
const FEW = 256;

/** the pipeline has no such field */
const NONE = -1;

/** The fields of an event that a pipeline uses, for EventDecoderOptions.fields. */
export function usedFields(pipeline: Pipeline, plan: FeaturePlan): string[] {
  const fields = [
    pipeline.time,
    pipeline.timeZone.field,
    pipeline.domain.field,
    ...plan.numbers.map(({ field }) => field),
    ...plan.categories,
    pipeline.eventId,
  ];
  return [...new Set(fields.filter((field) => field !== undefined))];
}

/**
 * Lays events whose fields were read from their bytes into columns, to the same rows as Intake lays the same events as
 * objects. It knows good events alone: whatever is wrong with one is for Intake to say, from the whole event.
 */
export class FieldIntake {
  /** of the fields in the order of `usedFields` */
  readonly values: FieldValues;
  readonly #pipeline: Pipeline;
  readonly #time: number;
  readonly #zone: number;
  readonly #domain: number;
  readonly #numbers: readonly number[];
  readonly #categories: readonly number[];
  /** of each category: whether its values are entities of their own, whose texts somebody may ask for */
  readonly #secondary: readonly boolean[];
  readonly #eventId: number;
  readonly #knowsZone: (zone: string) => boolean;
  readonly #zones = new TextCache(FEW);
  readonly #domains = new TextCache(FEW);
  readonly #known = new KnownHashes();
  /** the zone of the event before, known to be one */
  #lastZone: string | undefined;

  constructor(pipeline: Pipeline, plan: FeaturePlan, knowsZone: (zone: string) => boolean) {
    this.#pipeline = pipeline;
    this.#knowsZone = knowsZone;
    const fields = usedFields(pipeline, plan);
    const placeOf = (field: string | undefined): number =>
      field === undefined ? NONE : fields.indexOf(field);
    this.#time = placeOf(pipeline.time);
    this.#zone = placeOf(pipeline.timeZone.field);
    this.#domain = placeOf(pipeline.domain.field);
    this.#numbers = plan.numbers.map(({ field }) => placeOf(field));
    this.#categories = plan.categories.map(placeOf);
    const secondary = pipeline.labels?.secondary ?? [];
    this.#secondary = plan.categories.map((field) => secondary.includes(field));
    this.#eventId = placeOf(pipeline.eventId);
    this.values = new FieldValues(fields.length);
  }

  /**
   * Puts the event of `values` into row `columns.size`, without its entity, and counts it there; undefined for one that
   * Intake is to judge. @param messageTime as for Intake, and so is `watermark`
   */
  take(
    bytes: Buffer,
    offset: number,
    messageTime: number,
    watermark: number,
    columns: EventColumns,
  ): 'taken' | 'late' | undefined {
    const pipeline = this.#pipeline;
    const { values } = this;
    if (values.kinds[this.#time] !== NUMBER) return undefined;
    const time = values.numbers[this.#time]!;
    if (!(time >= EARLIEST && time < LATEST) || time > messageTime + pipeline.ahead) return undefined;
    const zone =
      this.#zone === NONE ? (pipeline.timeZone.fixed ?? 'UTC') : this.#text(this.#zone, bytes, this.#zones);
    if (zone === undefined) return undefined;
    if (zone !== this.#lastZone) {
      if (!this.#knowsZone(zone)) return undefined;
      this.#lastZone = zone;
    }
    const domain =
      this.#domain === NONE
        ? (pipeline.domain.fixed ?? 'all')
        : this.#text(this.#domain, bytes, this.#domains);
    // A unit of a string has three bytes at most.
    if (domain === undefined || 3 * domain.length > MOST_KEY_BYTES) return undefined;

    const row = columns.size;
    for (let i = 0; i < this.#numbers.length; i++) {
      const place = this.#numbers[i]!;
      const there = values.kinds[place] === NUMBER;
      const value = there ? values.numbers[place]! : Number.NaN;
      if (there && !Number.isFinite(value)) return undefined;
      columns.numbers[i]![row] = value;
    }
    if (time < watermark - pipeline.late) return 'late';
    for (let i = 0; i < this.#categories.length; i++)
      this.#category(this.#categories[i]!, bytes, columns, i, row);
    columns.close(domain, zone, time, offset);
    return 'taken';
  }

  #text(place: number, bytes: Buffer, cache: TextCache): string | undefined {
    const { kinds, starts, ends, texts } = this.values;
    const kind = kinds[place];
    if (kind === TEXT) return cache.text(bytes, starts[place]!, ends[place]!);
    return kind === KNOWN_TEXT ? texts[place]! : undefined;
  }

  #category(place: number, bytes: Buffer, columns: EventColumns, category: number, row: number): void {
    const { kinds, starts, ends, texts } = this.values;
    const hashes = columns.hashes[category]!;
    const secondary = this.#secondary[category]!;
    if (kinds[place] === TEXT) {
      const start = starts[place]!;
      const end = ends[place]!;
      const ascii = hashText(bytes, start, end, hashes, row);
      if (!secondary) return;
      columns.checks[category]![row] = ascii
        ? checkAscii(bytes, start, end)
        : checkString(bytes.toString('utf8', start, end));
      columns.textStarts[category]![row] = start;
      columns.textEnds[category]![row] = end;
    } else {
      const text = kinds[place] === KNOWN_TEXT ? texts[place]! : '';
      hashes[row] = this.#known.of(text);
      columns.categories[category]![row] = text;
      columns.textStarts[category]![row] = -1;
      if (secondary) columns.checks[category]![row] = checkString(text);
    }
  }

  /** Where the event's id stands among `values`; -1 where the pipeline has none. */
  get eventId(): number {
    return this.#eventId;
  }
}
