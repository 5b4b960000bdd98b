import { join } from 'node:path';
import { runLooking } from '../processes/looking.js';
import type { Arena, Contender } from './contender.js';
import { peerSources, type Runtime } from './peer-cache.js';
import { classPathOf, prepareJvm } from './peers-jvm.js';
import { preparePython, pythonIn } from './peers-python.js';

export interface PeerKind {
  readonly name: string;
  readonly title: string;
  readonly runtime: Runtime;
  /** the Python script, or the Maven module with the main class */
  readonly program: string;
  readonly main?: string;
  readonly java?: readonly string[];
  /** how many of the events it gets: one that does more events a second needs more for a rate */
  readonly pace: 'slow' | 'fast';
}

/** One core: the serial collector has no threads that compete with the work. */
const JAVA = ['-Xms1g', '-Xmx1g', '-XX:+UseSerialGC', '-XX:-UsePerfData'];
/** what Flink's serialisers look into on Java 17 */
const FLINK_OPENS = ['java.base/java.util', 'java.base/java.lang', 'java.base/java.time'].map(
  (name) => `--add-opens=${name}=ALL-UNNAMED`,
);

export const PEERS: readonly PeerKind[] = [
  {
    name: 'kafkaStreams',
    title: 'Kafka Streams, Random Cut Forest',
    runtime: 'jvm',
    program: 'kafka-streams',
    main: 'riskwire.peers.KafkaStreamsPeer',
    pace: 'slow',
  },
  {
    name: 'flink',
    title: 'Flink, Random Cut Forest',
    runtime: 'jvm',
    program: 'flink',
    main: 'riskwire.peers.FlinkPeer',
    java: FLINK_OPENS,
    pace: 'slow',
  },
  {
    name: 'river',
    title: 'confluent-kafka, river half-space trees',
    runtime: 'python',
    program: 'river_half_space_trees.py',
    pace: 'slow',
  },
  {
    name: 'bytewax',
    title: 'bytewax, river half-space trees',
    runtime: 'python',
    program: 'bytewax_half_space_trees.py',
    pace: 'slow',
  },
  {
    name: 'numpy',
    title: 'confluent-kafka, NumPy autoencoder',
    runtime: 'python',
    program: 'numpy_autoencoder.py',
    pace: 'fast',
  },
  {
    name: 'onnxRuntime',
    title: 'plain Java consumer, ONNX Runtime autoencoder',
    runtime: 'jvm',
    program: 'onnx',
    main: 'riskwire.peers.OnnxPeer',
    pace: 'fast',
  },
];
export const PEER_NAMES = PEERS.map(({ name }) => name);

export interface PeerOptions {
  readonly names: readonly string[];
  /** of a slow one; a fast one gets more, up to all of the topic */
  readonly events: number;
  readonly mostEvents: number;
  readonly say: (text: string) => void;
  /** what can't be built is left out and said, rather than a fault */
  readonly lenient: boolean;
}

const FAST = 4;

/** Builds what is asked for, once, into caches, and returns what can be run. */
export async function preparePeers(options: PeerOptions): Promise<Contender[]> {
  const wanted = PEERS.filter(({ name }) => options.names.includes(name));
  const ready = new Map<Runtime, string>();
  for (const runtime of new Set(wanted.map((peer) => peer.runtime))) {
    try {
      ready.set(runtime, await (runtime === 'python' ? preparePython : prepareJvm)(options.say));
    } catch (error) {
      if (!options.lenient) throw error;
      const left = wanted.filter((peer) => peer.runtime === runtime).map(({ name }) => name);
      options.say(`without ${left.join(', ')}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return wanted.flatMap((peer) => {
    const built = ready.get(peer.runtime);
    if (built === undefined) return [];
    const events = Math.min(
      options.mostEvents,
      peer.pace === 'fast' ? FAST * options.events : options.events,
    );
    return [peerContender(peer, built, events)];
  });
}

function peerContender(peer: PeerKind, built: string, events: number): Contender {
  let run = 0;
  return {
    name: peer.name,
    events,
    run: (arena, onLook) => {
      run += 1;
      const { command, args } = peer.runtime === 'python' ? python(peer, built) : java(peer, built);
      const job = jobOf(arena, `${peer.name}-${process.pid}-${run}`, events);
      const told =
        peer.runtime === 'python'
          ? [JSON.stringify(job)]
          : Object.entries(job).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const { folder, machine, cores } = arena;
      return runLooking(
        { name: peer.name, command, args: [...args, ...told], folder, machine, cores, env: ENV },
        events,
        onLook,
      );
    },
  };
}

function jobOf(arena: Arena, group: string, events: number) {
  return {
    brokers: arena.brokers.join(','),
    topic: arena.topic,
    risks: arena.risks,
    group,
    events,
    schema: join(arena.schemas, 'payment.avsc'),
  };
}

/** One core each: libraries that would start a thread a core must not. Nothing is written beside the sources. */
const ENV = {
  ...process.env,
  PYTHONDONTWRITEBYTECODE: '1',
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
};

function python(peer: PeerKind, built: string) {
  return { command: pythonIn(built), args: [join(peerSources('python'), peer.program)] };
}

function java(peer: PeerKind, built: string) {
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
  const classes = ['-cp', classPathOf(built, peer.program), peer.main ?? ''];
  return { command: 'java', args: [...JAVA, ...(peer.java ?? []), quiet, ...classes] };
}
