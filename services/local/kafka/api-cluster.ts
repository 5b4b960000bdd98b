import { type Api, type Broker, HOST, NODE } from './api.js';
import { ERROR, KafkaRefusal } from './errors.js';
import { DEFAULT_CONFIGS, type Topic } from './topics.js';
import type { Writer } from './wire.js';

/** Request kinds about the cluster, its topics and their configuration. */

const metadata: Api = {
  key: 3,
  versions: [0, 7],
  handle({ broker, version, in: request, out }) {
    const asked = request.nullableArray((reader) => reader.string());
    const mayCreate = version < 4 || request.boolean();
    const all = asked === undefined || (version === 0 && asked.length === 0);
    const names = all ? broker.topics.all().map(({ name }) => name) : asked;
    if (version >= 3) out.int32(0); // throttle time
    out.array([NODE], (node) => {
      out.int32(node).string(HOST).int32(broker.port);
      if (version >= 1) out.string(undefined); // rack
    });
    if (version >= 2) out.string(broker.clusterId);
    if (version >= 1) out.int32(NODE); // controller
    out.array(names, (name) => {
      const { error, topic } = find(broker, name, mayCreate);
      out.int16(error).string(name);
      if (version >= 1) out.boolean(false); // internal
      out.array([...(topic?.partitions.keys() ?? [])], (partition) => {
        out.int16(ERROR.NONE).int32(partition).int32(NODE); // leader
        if (version >= 7) out.int32(0); // leader epoch
        out.array([NODE], (node) => out.int32(node)); // replicas
        out.array([NODE], (node) => out.int32(node)); // in sync
        if (version >= 5) out.array([], () => {}); // offline
      });
    });
  },
};

function find(broker: Broker, name: string, mayCreate: boolean): { error: number; topic?: Topic } {
  try {
    if (!broker.topics.get(name) && mayCreate) broker.topics.create(name);
    const topic = broker.topics.get(name);
    return topic ? { error: ERROR.NONE, topic } : { error: ERROR.UNKNOWN_TOPIC_OR_PARTITION };
  } catch (error) {
    if (error instanceof KafkaRefusal) return { error: error.code };
    throw error;
  }
}

interface Change {
  name: string;
  apply: () => void;
}

/** Applies each change and answers with a code and, where there is room, words. */
function answerChanges(out: Writer, changes: readonly Change[], withWords: boolean): void {
  out.array(changes, ({ name, apply }) => {
    const refusal = refusalOf(apply);
    out.string(name).int16(refusal?.code ?? ERROR.NONE);
    if (withWords) out.string(refusal?.message);
  });
}

function refusalOf(apply: () => void): KafkaRefusal | undefined {
  try {
    apply();
    return undefined;
  } catch (error) {
    if (error instanceof KafkaRefusal) return error;
    throw error;
  }
}

const createTopics: Api = {
  key: 19,
  versions: [0, 4],
  handle({ broker, version, in: request, out }) {
    const wanted = request.array((reader) => {
      const name = reader.string();
      const partitions = reader.int32();
      reader.int16(); // replication: there is one broker
      const assigned = reader.array((one) => ({
        partition: one.int32(),
        replicas: one.array((replica) => replica.int32()),
      }));
      const configs = new Map(
        reader.array((one): [string, string] => [one.string(), one.nullableString() ?? '']),
      );
      return { name, partitions: assigned.length || partitions, configs };
    });
    request.int32(); // timeout
    const validateOnly = version >= 1 && request.boolean();
    if (version >= 2) out.int32(0); // throttle time
    const changes = wanted.map(({ name, partitions, configs }) => ({
      name,
      apply: () => broker.topics.create(name, partitions, configs, validateOnly),
    }));
    answerChanges(out, changes, version >= 1);
  },
};

const deleteTopics: Api = {
  key: 20,
  versions: [0, 3],
  handle({ broker, version, in: request, out }) {
    const names = request.array((reader) => reader.string());
    if (version >= 1) out.int32(0); // throttle time
    answerChanges(
      out,
      names.map((name) => ({ name, apply: () => broker.topics.delete(name) })),
      false,
    );
  },
};

const createPartitions: Api = {
  key: 37,
  versions: [0, 1],
  handle({ broker, in: request, out }) {
    const wanted = request.array((reader) => {
      const name = reader.string();
      const count = reader.int32();
      reader.nullableArray((one) => one.array((replica) => replica.int32()));
      return { name, count };
    });
    out.int32(0); // throttle time
    answerChanges(
      out,
      wanted.map(({ name, count }) => ({ name, apply: () => broker.topics.grow(name, count) })),
      true,
    );
  },
};

const TOPIC_RESOURCE = 2;
const DYNAMIC_TOPIC_CONFIG = 1;
const DEFAULT_CONFIG = 5;

const describeConfigs: Api = {
  key: 32,
  versions: [0, 2],
  handle({ broker, version, in: request, out }) {
    const resources = request.array((reader) => ({
      type: reader.int8(),
      name: reader.string(),
      wanted: reader.nullableArray((one) => one.string()),
    }));
    out.int32(0); // throttle time
    out.array(resources, ({ type, name, wanted }) => {
      const topic = type === TOPIC_RESOURCE ? broker.topics.get(name) : undefined;
      const missing = type === TOPIC_RESOURCE && !topic;
      out
        .int16(missing ? ERROR.UNKNOWN_TOPIC_OR_PARTITION : ERROR.NONE)
        .string(undefined)
        .int8(type)
        .string(name);
      const configs = [...new Map([...DEFAULT_CONFIGS, ...(topic?.configs ?? [])])].filter(
        ([config]) => topic && (!wanted || wanted.includes(config)),
      );
      out.array(configs, ([config, value]) => {
        const given = topic!.configs.has(config);
        out.string(config).string(value).boolean(false); // not read-only
        if (version === 0) out.boolean(!given);
        else out.int8(given ? DYNAMIC_TOPIC_CONFIG : DEFAULT_CONFIG);
        out.boolean(false); // not secret
        if (version >= 1) out.array([], () => {}); // synonyms
      });
    });
  },
};

export const CLUSTER_APIS: readonly Api[] = [
  metadata,
  createTopics,
  deleteTopics,
  createPartitions,
  describeConfigs,
];
