import type { Kafka, Producer } from 'kafkajs';
import type { Incident } from '../../alerting/incidents.js';
import { ownCodec } from '../../lib/avro.js';
import { createBreaker } from '../../lib/breaker.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import { incidentId } from '../../lib/ids.js';
import type { Logger } from '../../lib/log.js';
import type { AlertMetrics, Registry } from '../../lib/metrics.js';
import { Table } from '../../lib/table.js';
import { TopicReader } from '../../lib/topic-reader.js';
import { checkCoPartitioned, ensureTopics, ownTopics, topicNames } from '../../lib/topics.js';
import { createWebhookClient } from '../../lib/webhook-http.js';
import { buildServer } from './api/server.js';
import { bootstrapKey } from './api-keys.js';
import { createCommands } from './commands.js';
import type { AlertApiConfig } from './config.js';
import { createControl } from './control.js';
import { type Delivery, settled } from './delivery.js';
import { createDeliveryWorker } from './delivery-worker.js';
import { watchHealth } from './endpoint-health.js';
import { startFlow } from './flow.js';
import { noteUses } from './key-uses.js';
import { disabledNotices } from './notices.js';
import type { Codecs } from './records.js';
import { createSecretBox } from './secret-box.js';
import { followView, isOlderDelivery, isOlderIncident } from './views.js';

export interface AlertApiDeps {
  kafka: Kafka;
  producer: Producer;
  clickhouse: ClickHouseClient;
  /** milliseconds without a risk that end an incident of a pipeline */
  quiet(pipeline: string): number;
  registry: Registry;
  metrics: AlertMetrics;
  version: string;
  log: Logger;
  now?: () => number;
  random?: () => number;
}

export interface AlertApi {
  /** http://host:port */
  readonly url: string;
  /** rejects when it can't go on; never resolves */
  readonly failed: Promise<never>;
  /** why it doesn't do its work now; empty when it does */
  faults(): string[];
  stop(): Promise<void>;
}

const SWEEP_MS = 5_000;
const COMMAND_WAIT_MS = 5_000;
const BREAKER_CALLS = { minimumCalls: 5, windowMs: 60_000 };
const BREAKER_STATES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Puts the alert API together: topics, tables, the delivery worker, the flow, the HTTP side. */
export async function startAlertApi(config: AlertApiConfig, deps: AlertApiDeps): Promise<AlertApi> {
  const { kafka, producer, log, metrics, now = Date.now, random = Math.random } = deps;
  const started: (() => Promise<unknown>)[] = [];
  const stopAll = async () => {
    for (const stop of started.reverse().splice(0)) await stop();
  };
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // whoever started the service listens too
  const onEnd = (error: Error) => {
    log.error({ error }, 'the alert API can not go on');
    fail(error);
  };

  try {
    const topics = topicNames(config.prefix);
    const codecs: Codecs = {
      risk: ownCodec('risk', config.schemasDir),
      command: ownCodec('incident-command', config.schemasDir),
      incident: ownCodec('incident', config.schemasDir),
      delivery: ownCodec('delivery', config.schemasDir),
      feedback: ownCodec('feedback', config.schemasDir),
      control: ownCodec('control', config.schemasDir),
    };
    const counts = await ensureTopics(kafka, ownTopics(topics, []), {
      partitions: config.partitions,
      replication: config.replication,
      log,
      timeoutMs: config.startupTimeout,
    });
    const partitions = checkCoPartitioned(counts, [
      topics.risks,
      topics.commands,
      topics.incidents,
      topics.deliveries,
    ]);

    // Endpoints and keys first: a change that came before they are known would go to nobody.
    const controlTable = new Table({
      topic: topics.control,
      partitions: counts.get(topics.control) ?? 1,
      producer,
      codec: codecs.control,
    });
    const following = await controlTable.follow(kafka, {
      timeoutMs: config.startupTimeout,
      onFault: (error) => log.warn({ error }, 'changes of endpoints and keys can not be read at the moment'),
    });
    started.push(() => following.stop());
    following.failed.catch(onEnd);
    const control = createControl(controlTable, now, log);

    const view = { kafka, most: config.listed, log, timeoutMs: config.startupTimeout, onEnd };
    const incidentView = await followView<Incident>({
      ...view,
      topic: topics.incidents,
      codec: codecs.incident,
      isOlder: isOlderIncident,
    });
    started.push(() => incidentView.stop());
    const deliveryView = await followView<Delivery>({
      ...view,
      topic: topics.deliveries,
      codec: codecs.delivery,
      isOlder: isOlderDelivery,
      keep: (one) => ({ ...one, body: NO_BODY }),
    });
    started.push(() => deliveryView.stop());

    const box = createSecretBox(config.secretKeys);
    const client = createWebhookClient({ allow: config.allow, timeoutMs: config.webhookTimeout });
    started.push(() => client.stop());
    const incidents = new Table<Incident>({
      topic: topics.incidents,
      partitions,
      producer,
      codec: codecs.incident,
      isOlder: isOlderIncident,
    });
    const deliveries = new Table<Delivery>({
      topic: topics.deliveries,
      partitions,
      producer,
      codec: codecs.delivery,
      isOlder: isOlderDelivery,
    });
    const reader = await TopicReader.open(kafka);
    started.push(() => reader.close());

    const disable = async (id: string, reason: string, partition: number) => {
      const endpoint = control.endpoint(id);
      if (endpoint?.state !== 'enabled') return;
      await control.saveEndpoint({ ...endpoint, state: 'disabled', stateReason: reason }, 'riskwire');
      const notices = disabledNotices(endpoint, reason, control.endpoints(), partition, now());
      await deliveries.putAll(
        notices.map((one) => [one.delivery.id, one.delivery] as const),
        partition,
      );
      worker.add(notices);
    };
    const health = watchHealth({ control, disable, now, log, disableAfterMs: config.disableAfter });
    const worker = createDeliveryWorker(
      {
        concurrency: config.webhookConcurrency,
        ratePerMinute: config.webhookRate,
        waits: config.retryWaits,
        breaker: { ...BREAKER_CALLS, resetMs: config.breakerReset },
      },
      {
        endpoint: control.endpoint,
        client,
        box,
        save: ({ partition, delivery }) => deliveries.put(delivery.id, settled(delivery), partition),
        disable,
        observe: (id, succeeded, partition) => health.observe(id, succeeded, partition),
        publicUrl: () => publicUrl(),
        owns: (partition) => deliveries.owns(partition),
        now,
        random,
        log,
        figures: {
          result: (result) => metrics.deliveries.inc({ result }),
          pending: (count) => metrics.pending.set(count),
          breaker: (endpoint, state) =>
            state === undefined
              ? metrics.breaker.remove({ endpoint })
              : metrics.breaker.set({ endpoint }, BREAKER_STATES[state]),
        },
      },
    );
    started.push(() => worker.stop(0));
    control.onEndpoint(worker.endpointChanged);

    const uses = noteUses({ control, now, log });
    started.push(async () => uses.stop());
    let url = '';
    const publicUrl = () => config.publicUrl || url;
    const clickhouseBreaker = createBreaker<unknown>({
      name: 'clickhouse',
      minimumCalls: 3,
      windowMs: 30_000,
      resetMs: 10_000,
    });
    started.push(async () => clickhouseBreaker.stop());
    const faults: (() => string | undefined)[] = [() => incidentView.fault, () => deliveryView.fault];
    const app = await buildServer(
      { version: deps.version, rateLimit: config.rateLimit, trustProxy: config.trustProxy },
      {
        incidents: incidentView,
        deliveries: deliveryView,
        control,
        partitions,
        commands: createCommands({
          producer,
          topic: topics.commands,
          codec: codecs.command,
          view: incidentView,
          now,
          waitMs: COMMAND_WAIT_MS,
        }),
        box,
        client,
        allow: config.allow,
        clickhouse: deps.clickhouse,
        clickhouseBreaker,
        breakerState: worker.breakerState,
        used: uses.note,
        bootstrap: bootstrapKey(config.bootstrapKey, now()),
        faults: () => faultsNow(),
        about: () => ({ partitions: flow?.partitions ?? [], pendingDeliveries: worker.pending }),
        metrics: async () => ({
          contentType: deps.registry.contentType,
          text: await deps.registry.metrics(),
        }),
        now,
        log,
      },
    );
    const faultsNow = () =>
      [
        ...faults.map((fault) => fault()),
        flow?.ready ? undefined : 'the consumer group is not joined yet, or partitions are being restored',
      ].filter((one) => one !== undefined);
    url = await app.listen({ host: config.host, port: config.port });
    started.push(() => app.close());
    log.info({ url: publicUrl(), docs: `${url}/docs` }, 'the API listens');

    let flow: Awaited<ReturnType<typeof startFlow>> | undefined;
    flow = await startFlow({
      kafka,
      producer,
      reader,
      topics,
      groupId: `${config.group}-alert-api`,
      sessionTimeoutMs: config.sessionTimeout,
      codecs,
      incidents,
      deliveries,
      worker,
      endpoints: () => control.endpoints().filter((one) => one.state === 'enabled'),
      rules: { quiet: deps.quiet, incidentId },
      related: { members: config.relatedMembers, windowMs: config.relatedWindow },
      view: incidentView,
      partitions,
      policy: control.policy,
      publicUrl: publicUrl(),
      maxAges: config.maxAges,
      sweepMs: SWEEP_MS,
      retentionMs: config.retention,
      now,
      log,
      figures: {
        opened: (pipeline) => metrics.incidents.inc({ pipeline }),
        lag: (topic, partition, records) => metrics.lag.set({ topic, partition: String(partition) }, records),
        released: (topic, partition) => metrics.lag.remove({ topic, partition: String(partition) }),
      },
      onEnd,
    });
    started.push(() => flow?.stop() ?? Promise.resolve());
    return { url, failed, faults: faultsNow, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

const NO_BODY = Buffer.alloc(0);
