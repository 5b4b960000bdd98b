import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import {
  type Receiver,
  sendRisks,
  startReceiver,
  startTestApi,
  type TestApi,
  until,
} from '../support/alert-api.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

describeWithRealKafka('alert API on a real broker', (broker) => {
  const opened: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.stop();
  });

  async function receiver(): Promise<Receiver> {
    const one = await startReceiver();
    opened.push(one);
    return one;
  }

  async function api(
    env: Record<string, string>,
    producerOf?: (producer: Producer) => Producer,
  ): Promise<TestApi> {
    const one = await startTestApi(
      broker().kafka,
      broker().brokers,
      {
        RISKWIRE_WEBHOOK_RETRY_WAITS: '100ms,200ms,200ms,500ms,500ms,500ms,500ms,500ms',
        RISKWIRE_BREAKER_RESET: '300ms',
        RISKWIRE_RELATED_MEMBERS: '0',
        ...env,
      },
      producerOf,
    );
    opened.push(one);
    await until('the group is joined', () => one.api.faults().length === 0);
    return one;
  }

  async function stopNow(one: TestApi): Promise<void> {
    opened.splice(opened.indexOf(one), 1);
    await one.stop();
  }

  function names() {
    const id = randomUUID().slice(0, 8);
    return { RISKWIRE_PREFIX: `t${id}.`, RISKWIRE_GROUP: `g${id}` };
  }

  async function subscribe(to: TestApi, hook: Receiver, more: object = {}): Promise<string> {
    const { status, body } = await to.call('POST', '/v1/endpoints', { url: hook.url, ...more });
    expect(status).toBe(201);
    hook.secret = body.secret;
    return body.id;
  }

  test('risks become incidents, and incidents signed webhooks', async () => {
    const env = names();
    const one = await api(env);
    const hook = await receiver();
    const endpoint = await subscribe(one, hook);
    const t = Date.UTC(2026, 0, 5);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      [
        ...Array.from({ length: 40 }, (_, i) => ({
          entity: `card-${i}`,
          eventTime: t,
          severity: 'medium' as const,
        })),
        ...Array.from({ length: 40 }, (_, i) => ({
          entity: `card-${i}`,
          eventTime: t + 60_000,
          severity: 'medium' as const,
        })),
        { entity: 'card-0', eventTime: t + 120_000, severity: 'critical' },
      ],
      4,
    );

    await until('41 webhooks', () => hook.received.length >= 41);
    expect(hook.wrongSignatures).toBe(0);
    expect(hook.received.filter((r) => r.type === 'incident.opened')).toHaveLength(40);
    expect(hook.received.filter((r) => r.type === 'incident.escalated').map((r) => r.entity)).toEqual([
      'card-0',
    ]);

    const deliveries = await until('41 deliveries recorded as succeeded', async () => {
      const { body } = await one.call('GET', `/v1/deliveries?endpoint=${endpoint}&state=succeeded&limit=200`);
      return body.items.length === 41 && body.items;
    });
    expect(new Set(deliveries.map((d: { id: string }) => d.id))).toEqual(
      new Set(hook.received.map((r) => r.id)),
    );
    const { body } = await one.call('GET', '/v1/incidents?entity=card-0');
    expect(body.items).toMatchObject([
      { state: 'open', severity: 'critical', risks: 3, context: { country: 'DE' } },
    ]);
    expect(await one.metric('riskwire_incidents_total')).toContain('} 40');
  });

  test('a restart in the middle loses nothing and keeps the webhook ids', async () => {
    const env = names();
    const first = await api(env);
    const hook = await receiver();
    hook.answer = 500;
    await subscribe(first, hook);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 30 }, (_, i) => ({ entity: `card-${i}` })),
      4,
    );
    const early = await until('failed attempts', () => hook.received.length >= 3 && [...hook.received]);
    await stopNow(first);

    hook.received.length = 0;
    hook.answer = 204;
    const second = await api(env);
    await until('a webhook of each incident', () => new Set(hook.received.map((r) => r.entity)).size === 30);
    await until(
      'none pending',
      async () => (await second.call('GET', '/v1/deliveries?state=pending')).body.items.length === 0,
    );
    const idOf = new Map(hook.received.map((r) => [r.incident, r.id]));
    for (const attempt of early) expect(idOf.get(attempt.incident)).toBe(attempt.id);
    expect(hook.received).toHaveLength(30);
    expect(hook.wrongSignatures).toBe(0);
  });

  test('a dead endpoint does not delay a healthy one, and its breaker opens', async () => {
    const env = { ...names(), RISKWIRE_WEBHOOK_TIMEOUT: '1s', RISKWIRE_WEBHOOK_CONCURRENCY: '2' };
    const one = await api(env);
    const [dead, healthy] = [await receiver(), await receiver()];
    dead.answer = 'never';
    const deadId = await subscribe(one, dead);
    await subscribe(one, healthy);
    const sent = Date.now();
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 50 }, (_, i) => ({ entity: `card-${i}` })),
      4,
    );
    await until('50 at the healthy endpoint', () => healthy.received.length === 50, 5_000);
    expect(Math.max(...healthy.received.map((r) => r.at)) - sent).toBeLessThan(3_000);

    await until(
      'the breaker of the dead endpoint',
      async () => (await one.call('GET', `/v1/endpoints/${deadId}`)).body.breaker !== 'closed',
    );
    dead.answer = 204;
    await until(
      '50 at the endpoint that came back',
      () => new Set(dead.received.map((r) => r.entity)).size === 50,
    );
  });

  test('two replicas share the partitions; either answers for all and takes a word on any incident', async () => {
    const env = names();
    const [a, b] = [await api(env), await api(env)];
    await until('both have partitions', async () => {
      const [x, y] = await Promise.all(
        [a, b].map(
          async (one) =>
            (await fetch(`${one.api.url}/health/ready`)).json() as Promise<{ partitions: number[] }>,
        ),
      );
      return x!.partitions.length === 2 && y!.partitions.length === 2;
    });
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 20 }, (_, i) => ({ entity: `card-${i}` })),
      4,
    );
    for (const one of [a, b])
      await until(
        '20 incidents',
        async () => (await one.call('GET', '/v1/incidents')).body.items.length === 20,
      );
    const { body } = await a.call('GET', '/v1/incidents');
    for (const [i, incident] of body.items.entries()) {
      const path = `/v1/incidents/${incident.id}/${i % 2 ? 'acknowledge' : 'false-alarm'}`;
      const answer = await (i % 3 ? a : b).call('POST', path, { note: 'seen' });
      expect(answer).toMatchObject({
        status: 200,
        body: { state: i % 2 ? 'acknowledged' : 'falseAlarm', note: 'seen', changedBy: 'bootstrap' },
      });
    }
    expect(await a.call('POST', `/v1/incidents/${body.items[1].id}/acknowledge`)).toMatchObject({
      status: 409,
    });
  });

  test('what is sent between two lives of the service is made up for', async () => {
    const env = names();
    const hook = await receiver();
    const first = await api(env);
    await subscribe(first, hook);
    await stopNow(first);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      [{ entity: 'card-1' }, { entity: 'card-2' }],
      4,
    );
    await api(env);
    await until('2 webhooks', () => hook.received.length === 2);
  });

  test.each(['incidents', 'deliveries'])('a write of %s that fails halfway is made up for', async (table) => {
    const env = names();
    const hook = await receiver();
    let failures = 0;
    const one = await api(env, (producer) => ({
      ...producer,
      send: async (record) => {
        if (record.topic !== `${env.RISKWIRE_PREFIX}${table}` || failures >= 2) return producer.send(record);
        failures += 1;
        // The first write gets lost; of the second only the answer does.
        if (failures === 2) await producer.send(record);
        throw new Error('the broker went away');
      },
    }));
    await subscribe(one, hook);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 25 }, (_, i) => ({ entity: `card-${i}` })),
      4,
    );
    await until('a webhook of each incident', () => new Set(hook.received.map((r) => r.entity)).size === 25);
    expect(failures).toBe(2);
    expect(new Set(hook.received.map((r) => r.id)).size).toBe(25);
    expect(new Set(hook.received.map((r) => r.incident)).size).toBe(25);
  });

  test('a change whose deliveries are missing is told of before anything else changes its incident', async () => {
    const env = names();
    const hook = await receiver();
    let broken = false;
    const one = await api(env, (producer) => ({
      ...producer,
      send: async (record) => {
        if (broken && record.topic === `${env.RISKWIRE_PREFIX}deliveries`)
          throw new Error('the broker takes no deliveries');
        return producer.send(record);
      },
    }));
    await subscribe(one, hook);
    broken = true;
    await sendRisks(broker().kafka, `${env.RISKWIRE_PREFIX}risks`, [{ entity: 'card-1' }], 4);
    const incident = await until('the incident on record', async () => {
      const { body } = await one.call('GET', '/v1/incidents');
      return body.items[0];
    });
    // Commands are a log of their own, and may be read before the risk is read again.
    await one.call('POST', `/v1/incidents/${incident.id}/note`, { note: 'seen' });
    broken = false;
    await until('the webhook', () => hook.received.length > 0);
    expect(hook.received).toMatchObject([{ type: 'incident.opened', incident: incident.id }]);
    await until(
      'the note on record',
      async () => (await one.call('GET', `/v1/incidents/${incident.id}`)).body.note === 'seen',
    );
  });

  test('a quiet incident closes by itself, on record', async () => {
    const env = names();
    const hook = await receiver();
    const one = await api(env);
    await subscribe(one, hook, { events: ['closed'] });
    const t = Date.UTC(2026, 0, 5);
    // One stream comes past the quiet gap of the other's incident, on the same partition.
    await sendRisks(broker().kafka, `${env.RISKWIRE_PREFIX}risks`, [{ entity: 'card-1', eventTime: t }], 1);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      [{ entity: 'card-2', eventTime: t + 3_600_000 }],
      1,
    );
    await until('the closing webhook', () => hook.received.length === 1);
    expect(hook.received[0]).toMatchObject({ type: 'incident.closed', entity: 'card-1' });
    expect((await one.call('GET', '/v1/incidents?state=closed')).body.items).toMatchObject([
      { changedBy: 'riskwire', note: 'no further risk within the quiet gap' },
    ]);
  });

  test('a fault of the whole plant is one parent incident and a bounded number of webhooks', async () => {
    const env = { ...names(), RISKWIRE_RELATED_MEMBERS: '5' };
    const hook = await receiver();
    const one = await api(env);
    await subscribe(one, hook);
    const t = Date.UTC(2026, 0, 5);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 1_000 }, (_, i) => ({
        entity: `pump-${i % 100}`,
        eventTime: t + i,
        severity: 'high' as const,
        pipeline: 'production',
      })),
      4,
    );
    const parents = await until('a parent of all 100', async () => {
      const { items } = (await one.call('GET', '/v1/incidents?kind=parent')).body;
      return items[0]?.members === 100 && items;
    });
    expect(parents).toMatchObject([{ kind: 'parent', domain: 'EUR', reason: 'amount high', state: 'open' }]);
    const linked = await until('each linked to it', async () => {
      const { items } = (await one.call('GET', `/v1/incidents?parent=${parents[0].id}&limit=200`)).body;
      return items.length === 100 && items;
    });
    expect(linked.every((child: { kind: string }) => child.kind === 'single')).toBe(true);
    await until('the webhook of the parent', () =>
      hook.received.some((r) => r.incident === parents[0].id && r.type === 'incident.opened'),
    );
    // The parent, and of each of four partitions at most the four before it is certain that there will be one.
    expect(new Set(hook.received.map((r) => r.incident)).size).toBeLessThanOrEqual(17);
    expect(hook.received.filter((r) => r.incident === parents[0].id)).toHaveLength(1);
  });

  test('what was delivered or parked is sent again when asked, under the same webhook-id', async () => {
    const env = { ...names(), RISKWIRE_WEBHOOK_RETRY_WAITS: '20ms' };
    const hook = await receiver();
    const one = await api(env);
    const endpoint = await subscribe(one, hook);
    await sendRisks(
      broker().kafka,
      `${env.RISKWIRE_PREFIX}risks`,
      Array.from({ length: 3 }, (_, i) => ({ entity: `card-${i}` })),
      4,
    );
    await until('3 webhooks', () => hook.received.length === 3);
    hook.answer = 500;
    await sendRisks(broker().kafka, `${env.RISKWIRE_PREFIX}risks`, [{ entity: 'card-9' }], 4);
    const [parked] = await until('one parked', async () => {
      const { items } = (await one.call('GET', '/v1/deliveries?state=parked')).body;
      return items.length === 1 && items;
    });
    hook.answer = 204;
    const before = hook.received.map((r) => r.id);
    expect((await one.call('POST', `/v1/deliveries/${parked.id}/redeliver`)).status).toBe(202);
    await until('the parked one again', () => hook.received.length > before.length);
    expect(hook.received.at(-1)!.id).toBe(parked.id);
    const asked = await one.call('POST', `/v1/endpoints/${endpoint}/redeliver`, { states: ['succeeded'] });
    expect(asked.status).toBe(202);
    await until('all four again', () => hook.received.length >= before.length + 5);
    expect(new Set(hook.received.map((r) => r.id)).size).toBe(4);
    expect(hook.wrongSignatures).toBe(0);
    expect((await one.call('GET', '/v1/deliveries?state=parked')).body.items).toEqual([]);
  });

  test('an endpoint that is gone is disabled, and the operators’ endpoint hears of it', async () => {
    const env = names();
    const [gone, operators] = [await receiver(), await receiver()];
    gone.answer = 410;
    const one = await api(env);
    const id = await subscribe(one, gone);
    await subscribe(one, operators, { operator: true, pipelines: ['none'] });
    await sendRisks(broker().kafka, `${env.RISKWIRE_PREFIX}risks`, [{ entity: 'card-1' }], 4);
    await until('the notice', () => operators.received.some((r) => r.type === 'endpoint.disabled'));
    expect((await one.call('GET', `/v1/endpoints/${id}`)).body).toMatchObject({
      state: 'disabled',
      stateReason: 'the receiver answered 410 Gone',
    });
    expect(operators.wrongSignatures).toBe(0);
  });
});
