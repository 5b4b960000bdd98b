import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../pipelines/random.js';
import type { Cluster } from './cluster.js';
import type { Deployment, ServiceName } from './deployment.js';
import type { Receiver } from './receiver.js';

export interface Target {
  readonly cluster: Cluster;
  readonly deployment: Deployment;
  readonly receiver: Receiver;
}

/** One kind of fault: does it, undoes it, and resolves when everything is up again. */
export interface Fault {
  readonly name: string;
  readonly weight: number;
  /** how many processes it kills */
  readonly kills: number;
  run(target: Target, random: Random): Promise<void>;
}

const between = (random: Random, from: number, to: number) => from + random.unit() * (to - from);
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.unit() * list.length)]!;

function ofService(deployment: Deployment, service: ServiceName, random: Random) {
  const replicas = deployment.services.filter((one) => one.service === service);
  return pick(random, replicas);
}

function kill(service: ServiceName, weight: number): Fault {
  return {
    name: `kill ${service}`,
    weight,
    kills: 1,
    run: ({ deployment }, random) => ofService(deployment, service, random).kill(between(random, 0, 2_000)),
  };
}

/** Shorter and longer than the session timeout of 6 s: some members come back as strangers. */
function freeze(service: ServiceName, weight: number): Fault {
  return {
    name: `freeze ${service}`,
    weight,
    kills: 0,
    run: ({ deployment }, random) =>
      ofService(deployment, service, random).freeze(between(random, 500, 11_000)),
  };
}

function leave(service: ServiceName, weight: number): Fault {
  return {
    name: `${service} leaves and joins`,
    weight,
    kills: 0,
    async run({ deployment }, random) {
      const one = ofService(deployment, service, random);
      await one.stop();
      await sleep(between(random, 500, 4_000));
      one.start();
    },
  };
}

function network(to: 'kafka' | 'clickhouse', weight: number): Fault[] {
  const proxyOf = ({ cluster }: Target) => (to === 'kafka' ? cluster.kafkaProxy : cluster.clickhouseProxy);
  return [
    {
      name: `${to} connections reset`,
      weight,
      kills: 0,
      async run(target, random) {
        for (let times = 1 + Math.floor(random.unit() * 4); times > 0; times--) {
          proxyOf(target).reset();
          await sleep(between(random, 50, 600));
        }
      },
    },
    {
      name: `${to} slow`,
      weight,
      kills: 0,
      async run(target, random) {
        proxyOf(target).set('delay', between(random, 20, 400));
        await sleep(between(random, 1_000, 5_000));
        proxyOf(target).set('open');
      },
    },
    {
      name: `${to} half open`,
      weight,
      kills: 0,
      async run(target, random) {
        proxyOf(target).set('halfOpen');
        await sleep(between(random, 1_000, 8_000));
        if (random.unit() < 0.5) proxyOf(target).reset();
        proxyOf(target).set('open');
      },
    },
    {
      name: `${to} unreachable`,
      weight,
      kills: 0,
      async run(target, random) {
        proxyOf(target).set('refuse');
        await sleep(between(random, 500, 5_000));
        proxyOf(target).set('open');
      },
    },
  ];
}

function receiverFault(mood: 'failing' | 'silent', weight: number): Fault {
  return {
    name: `receiver ${mood}`,
    weight,
    kills: 0,
    async run({ receiver }, random) {
      receiver.setMood(mood);
      await sleep(between(random, 1_000, 5_000));
      receiver.setMood('well');
    },
  };
}

export const FAULTS: readonly Fault[] = [
  kill('scorer', 8),
  kill('sink', 4),
  kill('alert-api', 5),
  {
    name: 'kill broker',
    weight: 2,
    kills: 1,
    run: ({ cluster }, random) => cluster.killBroker(between(random, 0, 2_000)),
  },
  {
    name: 'kill clickhouse',
    weight: 2,
    kills: 1,
    run: ({ cluster }, random) => cluster.killClickHouse(between(random, 0, 2_000)),
  },
  freeze('scorer', 3),
  freeze('sink', 1),
  freeze('alert-api', 2),
  leave('scorer', 2),
  leave('sink', 1),
  leave('alert-api', 1),
  ...network('kafka', 1),
  ...network('clickhouse', 0.5),
  receiverFault('failing', 0.5),
  receiverFault('silent', 0.5),
];

/** Every plan begins with these, in an order of its seed, so that a short one has something of each. */
const FIRST = [
  'kill scorer',
  'kill alert-api',
  'kill broker',
  'kill sink',
  'kill clickhouse',
  'freeze scorer',
  'kafka connections reset',
];

/** The faults of a seed, one after another, without end. */
export function* faultPlan(random: Random): Generator<Fault, never> {
  const first = FIRST.map((name) => FAULTS.find((fault) => fault.name === name)!);
  while (first.length > 0) yield first.splice(Math.floor(random.unit() * first.length), 1)[0]!;
  const total = FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  for (;;) {
    let at = random.unit() * total;
    const chosen = FAULTS.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    yield chosen ?? FAULTS[0]!;
  }
}
