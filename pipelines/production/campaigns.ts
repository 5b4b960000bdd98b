import { Random } from '../random.js';
import { deviations, FAULT_ROW, FAULTS, type SeriesFolder, testSeriesOf, VARIABLES } from './series.js';

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
/** Normal rows before a faulty series: at least so many, at most twice as many. */
const LEAD = 240;
const CAMPAIGN_DRAW = 11;
const FAULT_DRAW = 12;

/** Decides what each unit runs; asked in the order in which units start. */
export class CampaignPlan {
  private readonly random = new Random();
  private readonly seams = new Map<number, number>();
  private faults: number[] = [];
  private rounds = 0;

  constructor(
    private readonly series: SeriesFolder,
    private readonly options: CampaignOptions,
  ) {}

  next(slot: number, number: number): Campaign {
    const random = this.random.reseed(this.options.seed, CAMPAIGN_DRAW, slot, number);
    if (random.unit() < this.options.faultShare) return this.faulty(random);
    if (this.options.rows === 'live') return oneSegment('d00_te', SPLIT + random.below(LEAD / 2), 960);
    return training(slot + number);
  }

  /** Normal rows, then a faulty series, whose first 160 rows are normal too. */
  private faulty(random: Random): Campaign {
    const fault = this.nextFault();
    const series = testSeriesOf(fault);
    const end = this.seamBefore(fault);
    const lead = {
      series: 'd00_te',
      from: end - LEAD - random.below(end - LEAD - this.normalFrom() + 1),
      to: end,
    };
    const run = {
      series,
      from: 0,
      to: Math.min(FAULT_ROW + this.options.faultRows, this.series.get(series).rows),
    };
    const leadRows = lead.to - lead.from;
    return { segments: [lead, run], fault, faultFrom: leadRows + FAULT_ROW, rows: leadRows + run.to };
  }

  private normalFrom(): number {
    return this.options.rows === 'live' ? SPLIT : 0;
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

  /** The row of d00_te to leave off at: the one before it is the nearest to the faulty series' first, so the seam is small. */
  private seamBefore(fault: number): number {
    const known = this.seams.get(fault);
    if (known !== undefined) return known;
    const normal = this.series.get('d00_te');
    const faulty = this.series.get(testSeriesOf(fault));
    const deviation = deviations(normal);
    const width = VARIABLES.length;
    let best = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let end = this.normalFrom() + LEAD; end <= this.normalFrom() + 2 * LEAD; end++) {
      let distance = 0;
      for (let v = 0; v < width; v++) {
        if (deviation[v] === 0) continue;
        distance += Math.abs(normal.values[(end - 1) * width + v]! - faulty.values[v]!) / deviation[v]!;
      }
      if (distance < nearest) {
        nearest = distance;
        best = end;
      }
    }
    this.seams.set(fault, best);
    return best;
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
