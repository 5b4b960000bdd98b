import { Random } from '../../pipelines/random.js';
import type { StreamEvent } from './planted.js';

/**
 * A fleet of machines in several plants, generated: eight readings and a mode of work that follow from four things
 * nobody measures (load u, lean w, step of the work cycle, mode). What ties the readings to each other is not linear:
 *
 *   speed     1 + 0.4 u                    gearbox   1 + 0.4 u               (linear in speed, for comparison)
 *   vibration 0.2 + u²                     tilt      w
 *   torque    1 + 0.8 u w                  coolant   1 + 0.5 tanh(3 w)
 *   current   1 + 0.5 w, 1 - 0.5 w or 1 by mode (run, reverse, idle)
 *   pressure  0.2, 0.9, 0.5, 0.7 by the step of the cycle, which moves on with every event
 *
 * times a scale of the plant and of the machine, and with noise of a twentieth. u and w wander within ±1.
 *
 * A fault of a relation gives a reading the value that it would have in another, unrelated state of the same machine: by
 * itself each such value is as usual as any. For comparison some faults leave the reading's range.
 */
export const READINGS = [
  'speed',
  'gearbox',
  'vibration',
  'tilt',
  'torque',
  'coolant',
  'current',
  'pressure',
] as const;
export type Reading = (typeof READINGS)[number];

/** what breaks, and the reading that it shows in */
export const BREAKS = {
  'square (vibration of speed)': 'vibration',
  'product (torque of speed and tilt)': 'torque',
  'saturation (coolant of tilt)': 'coolant',
  'category (current of tilt, by mode)': 'current',
  'order (pressure of the cycle)': 'pressure',
  'line (gearbox of speed)': 'gearbox',
  'range (speed beyond all before)': 'speed',
} as const satisfies Record<string, Reading>;
export type Break = keyof typeof BREAKS;
export const BREAK_KINDS = Object.keys(BREAKS) as Break[];

const PLANTS = 6;
const MODES = ['run', 'reverse', 'idle'] as const;
const MODE_SHARES = [0.6, 0.3, 0.1] as const;
const CYCLE = [0.2, 0.9, 0.5, 0.7] as const;
const NOISE = 0.05;
const WANDER = 0.8;
const STAY = 0.9;
const STEP_MS = 900_000;
const START = Date.UTC(2024, 0, 1);
const FAULT_EVENTS = 3;
const ECHO_EVENTS = FAULT_EVENTS + 5;
/** a fault of a machine in so many of its events */
const FAULT_EVERY = 40;
/** events of a machine that came during the test: fewer than twenty */
const NEW_EVENTS = 18;
const SPIKE = 2;

interface State {
  u: number;
  w: number;
  mode: number;
  step: number;
}

interface Machine {
  readonly key: string;
  readonly plant: number;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  /** what breaks, from which round on */
  readonly faults: readonly { readonly kind: Break; readonly from: number }[];
  readonly random: Random;
  readonly state: State;
}

export interface FleetEvent extends StreamEvent {
  /** '' for a normal event */
  readonly fault: Break | '';
  /** normal, but so soon after a fault that a model of courses still has it in mind: not judged */
  readonly echo: boolean;
  /** the machine came during the test: it has fewer than twenty events */
  readonly late: boolean;
}

export interface FleetOptions {
  readonly seed: number;
  /** machines that work from the beginning on */
  readonly machines: number;
  /** machines that come during the test and stay for fewer than twenty events */
  readonly late: number;
  /** events a machine to learn from, without faults; then to test on, with a fault in every forty */
  readonly learn: number;
  readonly test: number;
}

/** Events in the order of their time: what to learn from and what to test on. */
export function fleet(options: FleetOptions): { learn: FleetEvent[]; test: FleetEvent[] } {
  const { seed, learn, test } = options;
  const random = new Random(seed, 91);
  const scales = Array.from({ length: PLANTS }, () =>
    Object.fromEntries(READINGS.map((name) => [name, 10 ** random.uniform(-1, 3)])),
  );
  const machines = made(options, random);
  const events: FleetEvent[] = [];
  for (let round = 0; round < learn + test; round++) {
    const at = START + round * STEP_MS;
    const now = machines.filter(({ from, to }) => from <= round && round < to);
    const times = now.map(({ random: own }) => at + Math.floor(own.uniform(0, 0.5) * STEP_MS));
    const order = [...now.keys()].sort((a, b) => times[a]! - times[b]!);
    for (const i of order) {
      const machine = now[i]!;
      move(machine.state, machine.random);
      const fault = machine.faults.find(({ from }) => from <= round && round < from + FAULT_EVENTS);
      const broken = fault?.kind ?? '';
      const event = reading(machine, scales[machine.plant]!, broken);
      events.push({
        key: machine.key,
        time: times[i]!,
        event: { time: times[i]!, plant: `plant-${machine.plant}`, ...event },
        fault: broken,
        echo: broken === '' && machine.faults.some(({ from }) => from <= round && round < from + ECHO_EVENTS),
        late: machine.from > 0,
      });
    }
  }
  const border = START + learn * STEP_MS;
  return {
    learn: events.filter(({ time }) => time < border),
    test: events.filter(({ time }) => time >= border),
  };
}

function made({ machines, late, learn, test, seed }: FleetOptions, random: Random): Machine[] {
  return Array.from({ length: machines + late }, (_, index) => {
    const old = index < machines;
    const from = old ? 0 : learn + random.below(test - NEW_EVENTS);
    const spans = old ? Math.floor(test / FAULT_EVERY) : 1;
    const faults = Array.from({ length: spans }, (_, span) => ({
      kind: BREAK_KINDS[(index + span) % BREAK_KINDS.length]!,
      from: old
        ? learn + span * FAULT_EVERY + random.below(FAULT_EVERY - FAULT_EVENTS)
        : from + 2 + random.below(NEW_EVENTS - FAULT_EVENTS - 2),
    }));
    const own = new Random(seed, 92, index);
    return {
      key: `machine-${index}`,
      plant: index % PLANTS,
      size: 1 + 0.02 * own.normal(),
      from,
      to: old ? learn + test : from + NEW_EVENTS,
      faults,
      random: own,
      state: anyState(own),
    };
  });
}

function anyState(random: Random): State {
  return {
    u: random.normal(),
    w: random.normal(),
    mode: anyMode(random),
    step: random.below(CYCLE.length),
  };
}

function anyMode(random: Random): number {
  const draw = random.unit();
  return draw < MODE_SHARES[0] ? 0 : draw < MODE_SHARES[0] + MODE_SHARES[1] ? 1 : 2;
}

function move(state: State, random: Random): void {
  const push = Math.sqrt(1 - WANDER * WANDER);
  state.u = WANDER * state.u + push * random.normal();
  state.w = WANDER * state.w + push * random.normal();
  if (random.unit() > STAY) state.mode = anyMode(random);
  state.step = (state.step + 1) % CYCLE.length;
}

/** The readings of a machine in its state; of the broken relation, those of another state. */
function reading(
  { state, size, random }: Machine,
  scale: Readonly<Record<string, number>>,
  broken: Break | '',
): Record<string, unknown> {
  const own = values(state);
  if (broken !== '') {
    const field = BREAKS[broken];
    own[field] = broken.startsWith('range') ? own[field] + SPIKE : values(elsewhere(state, random))[field];
  }
  const out: Record<string, unknown> = { mode: MODES[state.mode] };
  for (const name of READINGS) out[name] = scale[name]! * size * (own[name] + NOISE * random.normal());
  return out;
}

/** any state with another step and another mode of work */
function elsewhere(state: State, random: Random): State {
  const other = anyState(random);
  while (other.mode === state.mode) other.mode = anyMode(random);
  if (other.step === state.step) other.step = (other.step + 1 + random.below(3)) % CYCLE.length;
  return other;
}

function values({ u: load, w: lean, mode, step }: State): Record<Reading, number> {
  const u = Math.tanh(load);
  const w = Math.tanh(lean);
  return {
    speed: 1 + 0.4 * u,
    gearbox: 1 + 0.4 * u,
    vibration: 0.2 + u * u,
    tilt: w,
    torque: 1 + 0.8 * u * w,
    coolant: 1 + 0.5 * Math.tanh(3 * w),
    current: 1 + 0.5 * w * [1, -1, 0][mode]!,
    pressure: CYCLE[step]!,
  };
}
