import { formatCount } from '../../services/cli/format.js';
import type { ReadingShape } from '../streams/readings.js';
import type { Stream } from '../streams/stream.js';

/** One way of growing the work. */
export interface ScalingCase {
  readonly label: string;
  readonly topic: string;
  readonly stream: Stream;
  readonly partitions: number;
  /** scorers in one group, a core each where there are as many */
  readonly processes: number;
  /** of the events that the others get */
  readonly eventShare: number;
}

export interface ScalingGroup {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly ScalingCase[];
}

const CARDS = 100_000;
const MACHINES = 10_000;
const PARTITIONS = 4;

/** single-object header, machine, time and the length of the padding, about; and four bytes a value */
const FRAME_BYTES = 24;
const FEW_VALUES = 5;

const base = { partitions: PARTITIONS, processes: 1, eventShare: 1 };

function readings(label: string, shape: ReadingShape, eventShare: number): ScalingCase {
  const topic = `readings-${shape.values}-${shape.padding}`;
  return { ...base, label, topic, stream: { kind: 'readings', machines: MACHINES, shape }, eventShare };
}

export const GROUPS: readonly ScalingGroup[] = [
  {
    name: 'processes',
    title: 'scorer processes',
    cases: [1, 2].map((processes) => ({
      ...base,
      label: String(processes),
      topic: 'payments-processes',
      stream: { kind: 'payments', cards: CARDS },
      processes,
    })),
  },
  {
    name: 'entities',
    title: 'entities',
    cases: [1_000, 10_000, 100_000, 1_000_000].map((cards) => ({
      ...base,
      label: formatCount(cards),
      topic: `payments-of-${cards}`,
      stream: { kind: 'payments', cards },
    })),
  },
  {
    name: 'partitions',
    title: 'partitions',
    cases: [4, 16, 64].map((partitions) => ({
      ...base,
      label: String(partitions),
      topic: `payments-in-${partitions}`,
      stream: { kind: 'payments', cards: CARDS },
      partitions,
    })),
  },
  {
    name: 'features',
    title: 'features',
    cases: [
      readings('5', { values: 5, padding: 0 }, 1),
      readings('20', { values: 20, padding: 0 }, 0.5),
      readings('80', { values: 80, padding: 0 }, 0.2),
    ],
  },
  {
    name: 'sizes',
    title: 'bytes an event',
    cases: [50, 500, 5_000].map((bytes) =>
      readings(
        formatCount(bytes),
        { values: FEW_VALUES, padding: Math.max(1, bytes - FRAME_BYTES - 4 * FEW_VALUES) },
        bytes === 5_000 ? 0.3 : 1,
      ),
    ),
  },
];
