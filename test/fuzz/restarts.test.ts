import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import {
  createFlowBench,
  type FlowBench,
  messagesOf,
  type OpenFlow,
  payments,
  type Sent,
  Topics,
} from './flow-bench.js';

const EVENTS = 1_200;
const GO_ON = async () => true;

type Action =
  | { readonly kind: 'read'; readonly events: number }
  | { readonly kind: 'checkpoint' }
  /** ends without a word after so many more requests of a last checkpoint */
  | { readonly kind: 'crash'; readonly after: number }
  /** another member takes over; the one before it then writes its checkpoint all the same */
  | { readonly kind: 'takenOver' };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('read' as const), events: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), after: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'takenOver' as const }) },
);

/** `cramped` has memory for a micro-batch's entities, and the others in its file */
const benches = new Map<'roomy' | 'cramped', FlowBench>();
let messages: KafkaMessage[];
let entities: number;
let undisturbed: Topics;

beforeAll(async () => {
  benches.set('roomy', await createFlowBench());
  benches.set('cramped', await createFlowBench(1, 1));
  const sent: Sent[] = [];
  let newest = 0;
  for await (const some of payments(EVENTS, 3)) {
    sent.push(...some.sent);
    newest = some.newest;
  }
  // some come twice, some are no events
  const mixed = sent.flatMap((one, index) => [
    one,
    ...(index % 37 === 5 ? [one] : []),
    ...(index % 101 === 7 ? [{ key: one.key, value: Buffer.from([index & 255, 1, 2]) }] : []),
  ]);
  messages = messagesOf(mixed, newest);
  entities = new Set(sent.map(({ key }) => String(key))).size;
  undisturbed = await run([]);
}, 60_000);

async function run(actions: readonly Action[], memory: 'roomy' | 'cramped' = 'roomy'): Promise<Topics> {
  const bench = benches.get(memory)!;
  const topics = new Topics();
  let open: OpenFlow = bench.open(topics);
  await open.restore();
  let position = 0;
  const renew = async () => {
    open = bench.open(topics);
    await open.restore();
    position = topics.committed;
  };
  const read = async (events: number) => {
    const chunk = messages.slice(position, position + events);
    if (chunk.length > 0) await open.flow.process(chunk, GO_ON);
    position += chunk.length;
  };
  for (const one of actions) {
    if (one.kind === 'read') await read(one.events);
    else if (one.kind === 'checkpoint') await open.flow.close();
    else if (one.kind === 'crash') {
      open.sendsLeft = one.after;
      await open.flow.close().catch(() => undefined);
      open.flow.leave();
      await renew();
    } else {
      const before = open;
      before.owner = false;
      await renew();
      await read(50);
      await before.flow.close().catch(() => undefined);
      before.flow.leave();
    }
  }
  await read(messages.length);
  await open.flow.close();
  expect(open.flow.entities).toBe(entities);
  open.flow.leave();
  return topics;
}

test.each(['roomy', 'cramped'] as const)(
  'whatever is cut off where, the same events have the same scores (%s memory)',
  async (memory) => {
    expect(undisturbed.scores.size).toBe(EVENTS);
    expect(undisturbed.risks.size).toBeGreaterThan(0);
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const topics = await run(actions, memory);
        expect(topics.contradictions).toEqual([]);
        expect(topics.risks).toEqual(undisturbed.risks);
        expect(topics.scores).toEqual(undisturbed.scores);
        expect([...topics.letters.keys()]).toEqual([...undisturbed.letters.keys()]);
        expect(topics.committed).toBe(messages.length);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 15), endOnFailure: true },
    );
  },
  600_000,
);
