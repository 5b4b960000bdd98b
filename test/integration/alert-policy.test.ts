import { randomUUID } from 'node:crypto';
import { type Receiver, sendRisks, startReceiver, startTestApi, until } from '../support/alert-api.js';
import { describeWithRealKafka } from '../support/real-kafka.js';

const HOUR = 3_600_000;

describeWithRealKafka('who hears of what, on a real broker', (broker) => {
  const opened: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.stop();
  });

  async function receiver(): Promise<Receiver> {
    const one = await startReceiver({ anyTime: true });
    opened.push(one);
    return one;
  }

  /** A service whose clock can be put forward, its topics, and receivers under names. */
  async function service(env = names()) {
    let shift = 0;
    const settings = { RISKWIRE_RELATED_MEMBERS: '0', RISKWIRE_SESSION_TIMEOUT: '10s', ...env };
    const one = await startTestApi(
      broker().kafka,
      broker().brokers,
      settings,
      (producer) => producer,
      () => Date.now() + shift,
    );
    opened.push(one);
    await until('the group is joined', () => one.api.faults().length === 0);
    return {
      ...one,
      env,
      /** puts the service's clock forward */
      forward: (ms: number) => {
        shift += ms;
      },
      endpoint: async (hook: Receiver): Promise<string> => {
        const { body } = await one.call('POST', '/v1/endpoints', { url: hook.url });
        hook.secret = body.secret;
        return body.id;
      },
      route: async (tree: object) =>
        expect((await one.call('PUT', '/v1/routes', { tree: { name: 'all', ...tree } })).status).toBe(200),
      risks: (...risks: Parameters<typeof sendRisks>[2][number][]) =>
        sendRisks(broker().kafka, `${env.RISKWIRE_PREFIX}risks`, risks, 4),
    };
  }

  function names() {
    const id = randomUUID().slice(0, 8);
    return { RISKWIRE_PREFIX: `p${id}.`, RISKWIRE_GROUP: `q${id}` };
  }

  test('what nobody acknowledges goes to the next step, and an acknowledgement ends that', async () => {
    const one = await service();
    const [first, lead] = [await receiver(), await receiver()];
    const [firstId, leadId] = [await one.endpoint(first), await one.endpoint(lead)];
    await one.route({ endpoints: [firstId], escalation: [{ afterMinutes: 5, endpoints: [leadId] }] });
    await one.risks({ entity: 'card-1' }, { entity: 'card-2' });
    await until('both at the first', () => first.received.length === 2);
    const acknowledged = first.received.find((one) => one.entity === 'card-2')!.incident;
    expect((await one.call('POST', `/v1/incidents/${acknowledged}/acknowledge`)).status).toBe(200);
    expect(lead.received).toEqual([]);
    one.forward(6 * 60_000); // less than the quiet gap, after which it would be over
    await until('the other at the lead', () => lead.received.length > 0);
    // A second sweep would bring what the first left out.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(lead.received.map(({ entity, type }) => [entity, type])).toEqual([
      ['card-1', 'incident.unacknowledged'],
    ]);
  });

  test('a silence holds back what it matches, on record; when it is over the next change is told', async () => {
    const one = await service();
    const hook = await receiver();
    await one.endpoint(hook);
    const silence = {
      match: { entity: 'card-1' },
      endsAt: new Date(Date.now() + HOUR).toISOString(),
      reason: 'the terminal is being replaced',
    };
    expect((await one.call('POST', '/v1/silences', silence)).status).toBe(201);
    await one.risks({ entity: 'card-1', severity: 'medium' }, { entity: 'card-2' });
    await until('the other', () => hook.received.length === 1);
    expect(hook.received[0]!.entity).toBe('card-2');
    const held = await until('the held back one on record', async () => {
      const { items } = (await one.call('GET', '/v1/deliveries?state=dropped')).body;
      return items.length === 1 && items;
    });
    expect(held[0].lastError).toContain(`held back by silence`);
    expect(held[0].lastError).toContain(silence.reason);
    one.forward(2 * HOUR);
    await one.risks({ entity: 'card-1', severity: 'critical' });
    await until('the change after it', () => hook.received.some((r) => r.entity === 'card-1'));
  });

  test('in quiet hours the less severe waits, over a restart too, until they end', async () => {
    const one = await service();
    const hook = await receiver();
    const id = await one.endpoint(hook);
    const hourOf = (ms: number) => `${new Date(ms).toISOString().slice(11, 13)}:00`;
    const now = Date.now();
    const spans = [{ timeZone: 'UTC', from: hourOf(now), to: hourOf(now + 2 * HOUR) }];
    await one.route({ endpoints: [id], quietHours: { below: 'critical', spans } });
    await one.risks({ entity: 'card-1', severity: 'medium' }, { entity: 'card-2', severity: 'critical' });
    await until('the critical one', () => hook.received.length === 1);
    expect(hook.received[0]!.entity).toBe('card-2');
    const items = await until('the other alone is pending', async () => {
      const found = (await one.call('GET', '/v1/deliveries?state=pending')).body.items;
      return found.length === 1 && found;
    });
    expect(new Date(items[0].nextAttemptAt).toISOString().slice(14)).toBe('00:00.000Z');

    opened.splice(opened.indexOf(one), 1);
    await one.stop();
    const next = await service(one.env);
    next.forward(3 * HOUR);
    // The queue waits by its own timer: what moves its clock here is another change of the same endpoint.
    await next.risks({ entity: 'card-3', severity: 'critical' });
    await until('the one that waited', () => hook.received.some((r) => r.entity === 'card-1'));
    expect(hook.received.find((r) => r.entity === 'card-1')!.id).toBe(items[0].id);
  });
});
