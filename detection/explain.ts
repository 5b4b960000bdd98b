import type { Contribution } from './contract.js';
import type { EventColumns } from './features/columns.js';
import { hashString } from './features/hash.js';
import { unsquash } from './features/spec.js';
import { type Described, type Opinion, type Reason, reasonsOf } from './judging/reasons.js';
import type { PartitionScorer, ScoredBatch, ScoringModel } from './scoring.js';

/** contributions that one detector is asked for, and reasons that a risk carries */
const MOST = 5;
/** decades beyond which a detector that is more surprised has no louder voice: what follows from them is no measurement */
const LOUDEST = 10;

/**
 * Why a row of the batch scored last stood out: the detectors' contributions, in the event's own units.
 * Called for flagged rows alone, before the next batch is scored.
 * @param unitOf the unit of a numeric field in this event (a currency may be a field of it)
 */
export function explainRow(
  model: ScoringModel,
  scorer: PartitionScorer,
  columns: EventColumns,
  scored: ScoredBatch,
  row: number,
  unitOf: (number: number) => string,
): { reasons: Reason[]; detectors: Record<string, number> } {
  const detectors: Record<string, number> = {};
  const opinions: Opinion[] = model.detectors.flatMap((detector, index) => {
    const surprise = scored.detectorSurprise[row * model.detectors.length + index]!;
    if (!Number.isFinite(surprise)) return [];
    detectors[detector.name] = surprise;
    const voice = Math.min(LOUDEST, surprise / (detector.emphasis ?? 1));
    return [{ detector: detector.name, surprise: voice, contributions: detector.explain(row, MOST) }];
  });
  const labels = scored.flagged.find((flagged) => flagged.row === row)?.labels ?? [];
  if (labels.length > 0)
    opinions.push({
      detector: 'labels',
      surprise: scored.surprise[row]!,
      contributions: labels.slice(0, MOST).map(({ share }, i) => ({
        index: model.plan.features.length + i,
        space: 'feature',
        share,
        expected: Number.NaN,
        direction: 'unusual',
      })),
    });
  const plain = plainCauses(model, scorer, columns, row);
  if (plain.length > 0)
    opinions.push({
      detector: 'memory',
      surprise: opinions.reduce((sum, { surprise }) => sum + surprise, 0) + 1,
      contributions: plain.map((cause) => ({ ...cause, share: 1 / plain.length, expected: Number.NaN })),
    });
  const describe = (space: Contribution['space'], index: number): Described =>
    space === 'sensor'
      ? describeSensor(model, columns, row, index, unitOf)
      : index >= model.plan.features.length
        ? describeLabel(labels[index - model.plan.features.length]!)
        : describeFeature(model, scorer, columns, row, index, unitOf);
  const suspects = model.detectors
    .flatMap((detector) => detector.repeated?.(row) ?? [])
    .map((sensor) => model.plan.numbers[model.plan.sensors[sensor]!]!.field);
  return { reasons: reasonsOf(opinions, describe, MOST, new Set(suspects)), detectors };
}

/**
 * What needs no weighing: a reading that usually is there and is not, which models see as an ordinary value in an
 * odd place; and a domain that nobody has learned where the entity never was before, by which all else is misjudged.
 */
function plainCauses(
  model: ScoringModel,
  scorer: PartitionScorer,
  columns: EventColumns,
  row: number,
): Pick<Contribution, 'index' | 'space' | 'direction'>[] {
  const { plan, scales } = model;
  const { batch } = scorer;
  const missing = model.detectors.flatMap((detector) => detector.missing?.(row) ?? []);
  const causes: Pick<Contribution, 'index' | 'space' | 'direction'>[] = missing.map((index) => ({
    index,
    space: 'sensor',
    direction: 'missing',
  }));
  if (batch.domains[row]! >= 0) return causes;
  // By hash: a row that was read from bytes has no strings for most of its categories.
  const domain = hashString(columns.domains[row]!);
  const category = plan.categories.findIndex((_, index) => columns.hashes[index]![row] === domain);
  const index = plan.features.findIndex(
    ({ kind, field }) => kind === 'new' && field === plan.categories[category],
  );
  if (index < 0) return causes;
  const at = scales.domains.length * scales.features + index;
  const isNew = batch.x[row * batch.features + index]! * scales.scales[at]! + scales.centres[at]! > 0.25;
  return isNew ? [...causes, { index, space: 'feature', direction: 'unusual' }] : causes;
}

/** 'terminal.risks.7d': what the labels say of the event's terminal */
function describeLabel({ name, value }: { name: string; value: number }): Described {
  const field = name.slice(0, Math.max(0, name.indexOf('.')));
  return { feature: name, field, unit: '', observed: value, toUnit: (expected) => expected };
}

function describeSensor(
  model: ScoringModel,
  columns: EventColumns,
  row: number,
  sensor: number,
  unitOf: (number: number) => string,
): Described {
  const number = model.plan.sensors[sensor]!;
  const field = model.plan.numbers[number]!.field;
  return {
    feature: field,
    field,
    unit: unitOf(number),
    observed: columns.numbers[number]![row]!,
    toUnit: (value) => value,
  };
}

function describeFeature(
  model: ScoringModel,
  scorer: PartitionScorer,
  columns: EventColumns,
  row: number,
  index: number,
  unitOf: (number: number) => string,
): Described {
  const { plan, scales } = model;
  const info = plan.features[index]!;
  const { batch } = scorer;
  const known = batch.domains[row]!;
  const at = (known >= 0 ? known : scales.domains.length) * scales.features + index;
  const centre = scales.centres[at]!;
  const scale = scales.scales[at]!;
  const base = { feature: info.name, field: info.field };
  const nothing = () => Number.NaN;
  switch (info.kind) {
    case 'value': {
      const log = plan.numbers[info.number]!.log === true;
      const toUnit = (z: number) => (log ? unsquash(z * scale + centre) : z * scale + centre);
      return { ...base, unit: unitOf(info.number), observed: columns.numbers[info.number]![row]!, toUnit };
    }
    case 'ratio':
    case 'habit': {
      const habit = batch.habits[row * plan.numbers.length + info.number]!;
      return {
        ...base,
        unit: unitOf(info.number),
        observed: columns.numbers[info.number]![row]!,
        toUnit: () => habit,
      };
    }
    case 'change':
      return {
        ...base,
        unit: unitOf(info.number),
        observed: columns.numbers[info.number]![row]!,
        toUnit: nothing,
      };
    case 'hour':
    case 'unusualHour':
      return { ...base, unit: 'h', observed: batch.hoursOfWeek[row]! % 24, toUnit: nothing };
    case 'gap':
      return { ...base, unit: 's', observed: batch.gaps[row]!, toUnit: nothing };
    case 'activity':
      return {
        ...base,
        unit: '',
        observed: Math.expm1(batch.x[row * batch.features + index]! * scale + centre),
        toUnit: (z) => Math.expm1(z * scale + centre),
      };
    case 'rarity':
    case 'new':
    case 'weekday':
    case 'burst':
      return { ...base, unit: '', observed: Number.NaN, toUnit: nothing };
  }
}
