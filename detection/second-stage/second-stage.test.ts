import { checkString, hashString } from '../features/hash.js';
import { epochOf, keptSeconds, reachOf } from '../labels/label-book.js';
import { LabelLog } from '../labels/label-log.js';
import { effectiveFrom } from '../labels/records.js';
import { LABEL_FEATURES } from '../labels/secondary-book.js';
import { SecondStage } from './second-stage.js';

const HOUR = 3600;
const DELAY = 24 * HOUR;

interface Made {
  readonly event: {
    readonly entity: string;
    readonly secondary: readonly string[];
    readonly seconds: number;
    readonly offset: number;
    readonly surprise: number;
  };
  readonly surprises: Float32Array;
  readonly x: Float32Array;
  readonly risk: boolean;
}

/** Payments at ten terminals, every two minutes; those at terminal 3 on odd days are frauds, which nothing else shows. */
function stream(count: number, every = 120): Made[] {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, i) => {
    const seconds = 1_700_000_000 + i * every;
    const terminal = Math.floor(random() * 10);
    const surprise = Math.fround(-Math.log10(random()));
    return {
      event: {
        entity: `card-${i % 40}`,
        secondary: [`t${terminal}`],
        seconds,
        offset: i,
        surprise,
      },
      surprises: Float32Array.of(surprise),
      x: Float32Array.of(random() * 2 - 1),
      risk: terminal === 3 && Math.floor(seconds / 86_400) % 8 < 4,
    };
  });
}

function stage(log: LabelLog): SecondStage {
  return new SecondStage({
    settings: { secondary: ['terminal'], delay: DELAY, window: 86_400, late: HOUR, spells: {}, hold: 3000 },
    detectors: ['margins'],
    features: [{ name: 'amount', field: 'amount', kind: 'value', number: 0 }],
    log,
    name: 'test/0',
    eventsPerDay: 720,
  });
}

/** Ranks and gives labels a day later; with `labelled` false nobody says anything. */
function run(second: SecondStage, log: LabelLog, made: readonly Made[], labelled = true): number[] {
  return made.map(({ event, surprises, x, risk }) => {
    const row = {
      size: 1,
      entities: [event.entity],
      seconds: Float64Array.of(event.seconds),
      offsets: Float64Array.of(event.offset),
      hashes: event.secondary.map((value) => Uint32Array.of(hashString(value))),
      checks: event.secondary.map((value) => Uint32Array.of(checkString(value))),
      text: (field: number) => event.secondary[field]!,
      own: surprises,
      x,
    };
    const surprise = second.rank(row, 0, event.surprise, new Float32Array(2));
    second.visit(row);
    for (const closed of second.takeClosed()) log.add(closed);
    if (risk && labelled)
      log.add({
        type: 'label',
        id: String(event.offset),
        entity: event.entity,
        time: event.seconds,
        secondary: event.secondary,
        risk: true,
        surprise: event.surprise,
        effectiveAt: effectiveFrom(event.seconds + DELAY),
      });
    return surprise;
  });
}

test('without labels the first stage is left as it is', () => {
  const log = new LabelLog();
  const made = stream(4000);
  expect(run(stage(log), log, made, false)).toEqual(made.map(({ event }) => event.surprise));
});

test('learns what the first stage does not see, and then speaks', () => {
  const log = new LabelLog();
  const second = stage(log);
  const made = stream(20_000);
  const surprise = run(second, log, made);
  const { on, risks, firstAp, secondAp } = second.figures;
  expect(on).toBe(true);
  expect(risks).toBeGreaterThan(300);
  expect(secondAp).toBeGreaterThan(3 * firstAp);
  const late = made.map(({ risk }, i) => ({ risk, surprise: surprise[i]! })).slice(10_000);
  const mean = (of: typeof late) => of.reduce((sum, one) => sum + one.surprise, 0) / of.length;
  expect(mean(late.filter(({ risk }) => risk))).toBeGreaterThan(2 * mean(late.filter(({ risk }) => !risk)));
});

test('goes on from a checkpoint as if nothing had happened, and a rerun gives the same', () => {
  const made = stream(12_000);
  const log = new LabelLog();
  const whole = run(stage(log), log, made);
  // All labels are there from the beginning, as when a stream is scored again.
  expect(run(stage(log), log, made)).toEqual(whole);

  const first = stage(log);
  const before = run(first, log, made.slice(0, 7001));
  const second = restored(first, log);
  expect([...before, ...run(second, log, made.slice(7001))]).toEqual(whole);
});

/** Another stage that goes on from the first one's checkpoint. */
function restored(first: SecondStage, log: LabelLog): SecondStage {
  first.flush();
  const second = stage(log);
  for (const name of ['pending', 'visits', 'stage'] as const)
    for (const page of first.parts[name].takePages(true, { pageBytes: 50_000 }))
      second.parts[name].layPage(page);
  second.load();
  first.close();
  return second;
}

test('over a year, with a log that keeps the last months alone, restores go on exactly', () => {
  const made = stream(11_000, 3500);
  const kept = () => new LabelLog(keptSeconds(DELAY, 86_400));
  const log = kept();
  const whole = run(stage(log), log, made);
  expect(log.since * HOUR).toBeGreaterThan(made[5000]!.event.seconds);
  expect(log.size).toBeLessThan(made.filter(({ risk }) => risk).length);

  const other = kept();
  let second = stage(other);
  const parts: number[] = [];
  for (let from = 0; from < made.length; from += 2100) {
    parts.push(...run(second, other, made.slice(from, from + 2100)));
    second = restored(second, other);
  }
  expect(parts).toEqual(whole);
});

test('a window that comes later than a restore reaches back is no part of what a book knows', () => {
  const sinceGood = (hoursBefore: number) => {
    const log = new LabelLog();
    const second = stage(log);
    const made = stream(200);
    const oldest = epochOf(made[0]!.event.seconds) - reachOf(DELAY, 86_400);
    run(second, log, made.slice(0, 100));
    const day = Math.floor(oldest / 86_400) - 2;
    log.add({
      ...{ type: 'visits', id: 'late', field: 0, from: day * 86_400, to: (day + 1) * 86_400 },
      hashes: Uint32Array.of(hashString('t77')),
      checks: Uint32Array.of(checkString('t77')),
      counts: Uint32Array.of(1),
      effectiveAt: (Math.floor(oldest / HOUR) - hoursBefore) * HOUR,
    });
    const { seconds } = made[100]!.event;
    log.add({
      ...{ type: 'label', id: 'risk', entity: 'card-1', time: seconds, secondary: ['t77'] },
      ...{ risk: true, surprise: 0, effectiveAt: effectiveFrom(seconds) },
    });
    run(second, log, made.slice(100));
    const out = new Float32Array(LABEL_FEATURES.length);
    second.book.features(['t77'], seconds, out, 0);
    expect(second.book.followed).toBeGreaterThan(0);
    return out[LABEL_FEATURES.indexOf('sinceGood')];
  };
  expect(sinceGood(0)).toBe(1);
  expect(sinceGood(-1)).not.toBe(1);
});
