import { Random } from '../random.js';
import { FAULT_ROW, FAULTS, type SeriesFolder, testSeriesOf } from './series.js';

/**
 * What a unit runs from its start to its shutdown: rows [from, to) of one series after the other.
 *
 * Normal rows are few (500 + 960 that were recorded apart, and the first 160 of each test series), so they are split:
 * `training` units run d00 (500 rows) and d00_te's first 480 in turn; `live` units run d00_te's last 480. What a model learns
 * from the training stretch is thus never met again in the live stream. Within one of them the same normal rows come
 * back in other units, from other starting points. The first 160 rows of the faulty series are met live only.
 */
export interface Campaign {
  readonly segments: readonly Segment[];
  /** 0 for a normal campaign */
  readonly fault: number;
  /** rows before the fault begins */
  readonly faultFrom: number;
  readonly rows: number;
}

export interface Segment {
  readonly series: string;
  readonly from: number;
  readonly to: number;
}

export interface CampaignOptions {
  seed: number;
  rows: 'live' | 'training';
  /** share of campaigns that end in a fault */
  faultShare: number;
  /** a unit is shut down so many readings after its fault began */
  faultRows: number;
}

const SPLIT = 480;
/** live units start within so many rows of the split */
const SPREAD = 120;
const CAMPAIGN_DRAW = 11;
const FAULT_DRAW = 12;

/** Decides what each unit runs; asked in the order in which units start. */
export class CampaignPlan {
  private readonly random = new Random();
  private faults: number[] = [];
  private rounds = 0;

  constructor(
    private readonly series: SeriesFolder,
    private readonly options: CampaignOptions,
  ) {}

  next(slot: number, number: number): Campaign {
    const random = this.random.reseed(this.options.seed, CAMPAIGN_DRAW, slot, number);
    if (random.unit() < this.options.faultShare) return this.faulty();
    if (this.options.rows === 'live') return oneSegment('d00_te', SPLIT + random.below(SPREAD), 960);
    return training(slot + number);
  }

  /** A faulty series from its start: 160 normal rows, then the fault. Nothing is put before it, since rows of two series don't join. */
  private faulty(): Campaign {
    const fault = this.nextFault();
    const series = testSeriesOf(fault);
    const to = Math.min(FAULT_ROW + this.options.faultRows, this.series.get(series).rows);
    return { segments: [{ series, from: 0, to }], fault, faultFrom: FAULT_ROW, rows: to };
  }

  /** All faults come up once before one comes up again. */
  private nextFault(): number {
    if (this.faults.length === 0) {
      const order = new Random(this.options.seed, FAULT_DRAW, this.rounds++);
      this.faults = Array.from({ length: FAULTS }, (_, i) => i + 1);
      for (let i = FAULTS - 1; i > 0; i--) {
        const j = order.below(i + 1);
        [this.faults[i], this.faults[j]] = [this.faults[j]!, this.faults[i]!];
      }
    }
    return this.faults.pop()!;
  }
}

/**
 * Training campaigns start at row 0, in turn, so that what plants run at one time are the same rows: a stretch of
 * time that is held out of a fit then holds no row that the fit has seen in another plant.
 */
function training(turn: number): Campaign {
  return turn % 2 === 0 ? oneSegment('d00', 0, 500) : oneSegment('d00_te', 0, SPLIT);
}

function oneSegment(series: string, from: number, to: number): Campaign {
  return { segments: [{ series, from, to }], fault: 0, faultFrom: to - from, rows: to - from };
}
