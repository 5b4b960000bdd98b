import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../pipelines/random.js';
import type { GateMood } from './clickhouse-gate.js';
import type { Cluster } from './cluster.js';
import type { DeployedService, Deployment, ServiceName } from './deployment.js';
import type { Receiver, ReceiverMood } from './receiver.js';

export interface Target {
  readonly cluster: Cluster;
  readonly deployment: Deployment;
  readonly receiver: Receiver;
  /** what a fault saw that must not be, such as a service that did not stop in time */
  readonly complain: (what: string) => void;
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
  const replicas = deployment.services.filter((one) => one.service === service && !one.spare);
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

/** SIGTERM, and what it took too long for. */
async function ended({ complain }: Target, one: DeployedService, when: string): Promise<void> {
  const { clean, ms } = await one.stop();
  if (!clean) complain(`${one.name} did not stop within ${ms} ms of SIGTERM${when}`);
}

function leave(service: ServiceName, weight: number): Fault {
  return {
    name: `${service} leaves and joins`,
    weight,
    kills: 0,
    async run(target, random) {
      const one = ofService(target.deployment, service, random);
      await ended(target, one, '');
      await sleep(between(random, 500, 4_000));
      one.start();
    },
  };
}

/** The second one comes at any moment of the stop that the first one began. */
function twoSignals(service: ServiceName, weight: number): Fault {
  return {
    name: `two SIGTERMs for ${service}`,
    weight,
    kills: 0,
    async run({ deployment, complain }, random) {
      const one = ofService(deployment, service, random);
      const { clean, ms } = await one.stopTwice(between(random, 0, 600));
      if (!clean) complain(`${one.name} did not end within ${ms} ms of its second SIGTERM`);
      await sleep(between(random, 0, 1_500));
      one.start();
    },
  };
}

/** It can neither checkpoint nor leave its group, and must end in time all the same. */
function stopWithoutKafka(service: ServiceName, weight: number): Fault {
  return {
    name: `${service} stops while kafka is away`,
    weight,
    kills: 0,
    async run(target, random) {
      const { kafkaProxy } = target.cluster;
      kafkaProxy.set(random.unit() < 0.5 ? 'refuse' : 'halfOpen');
      const one = ofService(target.deployment, service, random);
      await sleep(between(random, 0, 2_000));
      await ended(target, one, ' while Kafka was away');
      kafkaProxy.set('open');
      one.start();
    },
  };
}

const joining: Fault = {
  name: 'a scorer more joins and leaves',
  weight: 2,
  kills: 0,
  async run(target, random) {
    const spare = target.deployment.services.find((one) => one.spare && !one.running);
    if (spare === undefined) return;
    spare.start();
    await sleep(between(random, 3_000, 10_000));
    if (random.unit() < 0.5) await ended(target, spare, '');
    else await spare.stopTwice(0);
  },
};

/** In ClickHouse's words: it takes no rows. */
function refused(name: string, mood: GateMood, weight: number): Fault {
  return {
    name,
    weight,
    kills: 0,
    async run({ cluster }, random) {
      cluster.clickhouseGate.set(mood);
      await sleep(between(random, 1_000, 6_000));
      cluster.clickhouseGate.set('open');
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

function receiverFault(mood: ReceiverMood, weight: number): Fault {
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
  kill('scorer', 9),
  kill('sink', 5),
  kill('alert-api', 6),
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
  leave('scorer', 1.5),
  leave('sink', 0.5),
  leave('alert-api', 0.5),
  joining,
  twoSignals('scorer', 1),
  twoSignals('sink', 0.5),
  twoSignals('alert-api', 0.5),
  stopWithoutKafka('scorer', 0.5),
  stopWithoutKafka('sink', 0.3),
  stopWithoutKafka('alert-api', 0.3),
  ...network('kafka', 1),
  ...network('clickhouse', 0.5),
  refused('clickhouse disk full', 'diskFull', 0.7),
  refused('clickhouse read-only', 'readOnly', 0.3),
  refused('clickhouse disk full after the rows', 'lostAnswer', 0.5),
  receiverFault('failing', 0.5),
  receiverFault('silent', 0.3),
  receiverFault('dripping', 0.3),
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
/** … and these follow. */
const THEN = ['clickhouse disk full', 'two SIGTERMs for scorer', 'a scorer more joins and leaves'];

/** The faults of a seed, one after another, without end. */
export function* faultPlan(random: Random): Generator<Fault, never> {
  for (const names of [FIRST, THEN]) {
    const left = names.map((name) => FAULTS.find((fault) => fault.name === name)!);
    while (left.length > 0) yield left.splice(Math.floor(random.unit() * left.length), 1)[0]!;
  }
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
