import { Random } from '../random.js';
import type { EventSource, SourceBatch, TruthMark } from '../source.js';
import { type Campaign, type CampaignOptions, CampaignPlan } from './campaigns.js';
import { deviations, INTERVAL_MS, MEASURED, type Series, SeriesFolder, VARIABLES } from './series.js';

/** schemas/plant-reading.avsc: xmeas_1 … xmeas_41 and xmv_1 … xmv_11 beside these. */
export interface PlantReading {
  id: string;
  time: number;
  plant: string;
  unit: string;
  [variable: string]: string | number | null;
}

export interface ProductionOptions extends Partial<CampaignOptions> {
  /** the folder with the series: examples/production-tep */
  folder: string;
  plants?: number;
  /** lines that run at the same time in a plant */
  lines?: number;
  /** the plants' instruments are drawn from it; default the seed. Plants keep theirs while `seed` changes what they run */
  instruments?: number;
  /** the first day, YYYY-MM-DD (UTC) */
  start?: string;
  batchSize?: number;
}

const PLANT_DRAW = 13;

/**
 * The Tennessee Eastman series replayed as several plants, without an end. A plant has lines that run side by side, each
 * with a reading every 3 minutes of event time. A line runs one campaign (campaigns.ts), is shut down, and a new line
 * with a new number takes its place: plant-a/line-1, later plant-a/line-5, and so on.
 *
 * Plants differ as instruments do: each measured variable has an offset of N(0, 1) normal standard deviations and a gain
 * of 1 + N(0, 0.05) around its normal mean, constant for a plant. plant-a has none: its readings are the recorded ones.
 */
export function productionSource(options: ProductionOptions): EventSource<PlantReading> {
  const {
    folder,
    seed = 0,
    plants = 3,
    lines = 4,
    rows = 'live',
    faultRows = 240,
    batchSize = 500,
  } = options;
  const faultShare = options.faultShare ?? (rows === 'live' ? 0.25 : 0);
  const start = Date.parse(`${options.start ?? '2024-01-01'}T00:00:00Z`);
  if (Number.isNaN(start))
    throw new RangeError(`production: start is '${options.start}', which is no date; write it as YYYY-MM-DD`);
  if (plants < 1 || plants > 26) throw new RangeError(`production: plants is ${plants}; take 1 to 26`);
  if (lines < 1) throw new RangeError(`production: lines is ${lines}; take 1 or more`);
  const series = new SeriesFolder(folder);
  return {
    pipeline: 'production',
    schemaName: 'plant-reading',
    batches: (position = 0) =>
      replay(
        series,
        new CampaignPlan(series, { seed, rows, faultShare, faultRows }),
        { instruments: options.instruments ?? seed, plants, lines, start, batchSize },
        position,
      ),
  };
}

interface Settings {
  instruments: number;
  plants: number;
  lines: number;
  start: number;
  batchSize: number;
}

export interface Instruments {
  readonly name: string;
  readonly gain: Float64Array;
  readonly shift: Float64Array;
}

/** A place where lines run one after the other. */
interface Slot {
  readonly plant: Instruments;
  unit: string;
  campaign: Campaign;
  number: number;
  row: number;
}

function* replay(
  series: SeriesFolder,
  plan: CampaignPlan,
  settings: Settings,
  from: number,
): Generator<SourceBatch<PlantReading>> {
  const { lines, start, batchSize } = settings;
  const plants = Array.from({ length: settings.plants }, (_, i) =>
    instrumentsOf(series.get('d00'), settings.instruments, i),
  );
  const slots = plants.flatMap((plant, p) =>
    Array.from({ length: lines }, (_, line): Slot => {
      const campaign = plan.next(p * lines + line, 0);
      return { plant, unit: `${plant.name}/line-${line + 1}`, campaign, number: 0, row: 0 };
    }),
  );
  let batch = emptyBatch(from);
  const untold = new Set(slots.keys());
  for (let position = 0; ; position++) {
    const index = position % slots.length;
    const slot = slots[index]!;
    if (slot.row === slot.campaign.rows) nextCampaign(slot, index, plan, lines);
    if (position >= from) {
      // The lines take their readings one after the other, evenly spread over the interval.
      const time =
        start +
        Math.floor(position / slots.length) * INTERVAL_MS +
        Math.floor((index * INTERVAL_MS) / slots.length);
      // A fault under way where the stream is taken up is told with the line's next reading.
      const begins = slot.row === slot.campaign.faultFrom || untold.delete(index);
      if (begins && slot.campaign.fault !== 0 && slot.row >= slot.campaign.faultFrom)
        batch.truth.push(episode(slot, time, batch.events.length));
      batch.keys.push(slot.unit);
      batch.times.push(time);
      batch.events.push(reading(series, slot, time));
      if (batch.events.length === batchSize) {
        yield batch;
        batch = emptyBatch(position + 1);
      }
    }
    slot.row++;
  }
}

function emptyBatch(position: number) {
  return {
    position,
    keys: [] as string[],
    events: [] as PlantReading[],
    times: [] as number[],
    truth: [] as TruthMark[],
  };
}

function nextCampaign(slot: Slot, index: number, plan: CampaignPlan, lines: number): void {
  slot.number++;
  slot.campaign = plan.next(index, slot.number);
  slot.unit = `${slot.plant.name}/line-${slot.number * lines + (index % lines) + 1}`;
  slot.row = 0;
}

function episode({ campaign, row, unit }: Slot, time: number, index: number): TruthMark {
  const from = time - (row - campaign.faultFrom) * INTERVAL_MS;
  const to = time + (campaign.rows - 1 - row) * INTERVAL_MS;
  const kind = `fault-${String(campaign.fault).padStart(2, '0')}`;
  return { index, record: { type: 'episode', pipeline: 'production', entity: unit, from, to, kind } };
}

function reading(series: SeriesFolder, slot: Slot, time: number): PlantReading {
  const event: PlantReading = {
    id: `${slot.unit}:${slot.row}`,
    time,
    plant: slot.plant.name,
    unit: slot.unit,
  };
  let row = slot.row;
  for (const segment of slot.campaign.segments) {
    const length = segment.to - segment.from;
    if (row >= length) {
      row -= length;
      continue;
    }
    const { values } = series.get(segment.series);
    const at = (segment.from + row) * VARIABLES.length;
    const { gain, shift } = slot.plant;
    for (let v = 0; v < VARIABLES.length; v++) event[VARIABLES[v]!] = values[at + v]! * gain[v]! + shift[v]!;
    break;
  }
  return event;
}

export function instrumentsOf(normal: Series, seed: number, plant: number): Instruments {
  const gain = new Float64Array(VARIABLES.length).fill(1);
  const shift = new Float64Array(VARIABLES.length);
  if (plant > 0) {
    const random = new Random(seed, PLANT_DRAW, plant);
    const deviation = deviations(normal);
    for (let v = 0; v < MEASURED; v++) {
      gain[v] = 1 + 0.05 * random.normal();
      shift[v] = (1 - gain[v]!) * meanOf(normal, v) + deviation[v]! * random.normal();
    }
  }
  return { name: `plant-${String.fromCharCode(97 + plant)}`, gain, shift };
}

function meanOf(series: Series, variable: number): number {
  let sum = 0;
  for (let row = 0; row < series.rows; row++) sum += series.values[row * VARIABLES.length + variable]!;
  return sum / series.rows;
}
