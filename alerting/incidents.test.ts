import fc from 'fast-check';
import { type CommandAction, type IncidentCommand, PLAIN_COMMAND, takeCommand } from './commands.js';
import {
  type Change,
  type Incident,
  type IncidentRules,
  KEPT_EVENTS,
  KEPT_OFFSETS,
  KEPT_PER_ENTITY,
  type RiskInput,
  takenIn,
  takeRisk,
} from './incidents.js';
import { SEVERITIES, type Severity } from './severity.js';

const MINUTE = 60_000;
const rules: IncidentRules = { quiet: () => 30 * MINUTE, incidentId: (risk) => `inc-${risk}` };

/** offsets of the events that risks are made from, as they are made */
let events = 0;

function risk(id: string, minute: number, severity: Severity = 'medium', score = 5): RiskInput {
  return {
    ...{
      id,
      kind: 'event',
      pipeline: 'p',
      domain: 'd',
      entity: 'e',
      eventId: '',
      eventTime: minute * MINUTE,
    },
    ...{ partition: 0, offset: events++, origin: -1, timeZone: 'UTC', scoredAt: minute * MINUTE + 5 },
    ...{ score, severity, reasons: [], sentences: { en: `risk ${id}` }, context: {}, model: 'm' },
    ...{ secondary: {}, firstScore: 0 },
  };
}

function command(incident: string, action: CommandAction, ifLastRiskOffset = -1): IncidentCommand {
  return { ...PLAIN_COMMAND, id: 'c', incident, action, by: 'ann', at: 1_000, note: 'n', ifLastRiskOffset };
}

/** Risks at offsets 0, 1, …; the changes of each. */
function run(risks: readonly RiskInput[]): { incidents: readonly Incident[]; changes: Change[][] } {
  let incidents: readonly Incident[] = [];
  const changes = risks.map((one, offset) => {
    const outcome = takeRisk(incidents, one, { partition: 3, offset }, rules);
    incidents = outcome.incidents;
    return [...outcome.changes];
  });
  return { incidents, changes };
}

const kinds = (changes: readonly Change[]) => changes.map((change) => change.kind);

describe('risks', () => {
  test('the first opens an incident named after it', () => {
    const { incidents, changes } = run([risk('a', 0)]);
    expect(changes).toEqual([[{ kind: 'opened', incident: incidents[0], repeated: false }]]);
    expect(incidents[0]).toMatchObject({
      id: 'inc-a',
      state: 'open',
      change: 1,
      risks: 1,
      partition: 3,
      lastRiskOffset: 0,
      openedAt: 0,
      changedAt: 5,
    });
  });

  test('within the quiet gap they join; the strongest gives the reasons', () => {
    const { incidents, changes } = run([
      risk('a', 0),
      risk('b', 30, 'medium', 9),
      risk('c', 60, 'medium', 7),
    ]);
    expect(changes.map(kinds)).toEqual([['opened'], ['grown'], ['grown']]);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({
      risks: 3,
      maxScore: 9,
      sentences: { en: 'risk b' },
      lastRiskId: 'c',
      lastRiskAt: 60 * MINUTE,
      change: 3,
    });
  });

  test('after the quiet gap the next one closes the incident and opens another', () => {
    const { incidents, changes } = run([risk('a', 0), risk('b', 31)]);
    expect(changes.map(kinds)).toEqual([['opened'], ['closed', 'opened']]);
    expect(incidents.map((one) => [one.id, one.state])).toEqual([
      ['inc-a', 'closed'],
      ['inc-b', 'open'],
    ]);
  });

  test('a worse one escalates, a milder one does not', () => {
    const { incidents, changes } = run([
      risk('a', 0, 'medium'),
      risk('b', 1, 'critical'),
      risk('c', 2, 'high'),
    ]);
    expect(changes.map(kinds)).toEqual([['opened'], ['escalated'], ['grown']]);
    expect(incidents[0]!.severity).toBe('critical');
  });

  test('one out of order joins the incident of its time, and a much older one is an incident of its own', () => {
    const { incidents, changes } = run([
      risk('a', 100),
      risk('b', 200),
      risk('late', 90),
      risk('on', 110),
      risk('older', 10),
    ]);
    expect(changes.map(kinds)).toEqual([
      ['opened'],
      ['closed', 'opened'],
      ['grown'],
      ['reopened'],
      ['opened'],
    ]);
    expect(incidents.map((one) => [one.id, one.risks])).toEqual([
      ['inc-a', 3],
      ['inc-b', 1],
      ['inc-older', 1],
    ]);
    expect(run([risk('a', 100), risk('early', 80)]).incidents[0]).toMatchObject({
      openedAt: 80 * MINUTE,
      lastRiskAt: 100 * MINUTE,
      lastRiskId: 'a',
    });
  });

  test('an incident of an entity that never rests is not kept for ever', () => {
    const { incidents } = run(Array.from({ length: 50 }, (_, i) => risk(`r${i}`, i * 100)));
    expect(incidents).toHaveLength(KEPT_PER_ENTITY);
    expect(incidents.at(-1)!.id).toBe('inc-r49');
  });
});

describe('commands', () => {
  const opened = run([risk('a', 0)]).incidents;

  test.each([
    ['acknowledge', 'acknowledged', 'acknowledged'],
    ['close', 'closed', 'closed'],
    ['falseAlarm', 'falseAlarm', 'falseAlarm'],
    ['note', 'noted', 'open'],
  ] as const)('%s', (action, kind, state) => {
    const { incidents, changes } = takeCommand(opened, command('inc-a', action), 7);
    expect(kinds(changes)).toEqual([kind]);
    expect(incidents[0]).toMatchObject({
      state,
      change: 2,
      changeKind: kind,
      changedBy: 'ann',
      note: 'n',
      changedAt: 1_000,
      lastCommandOffset: 7,
    });
  });

  test('one that does not apply is seen, and does nothing when it is read again in a state where it would apply', () => {
    const closed = takeCommand(opened, command('inc-a', 'close'), 0).incidents;
    const again = takeCommand(closed, command('inc-a', 'close'), 1);
    expect(kinds(again.changes)).toEqual(['seen']);
    expect(again.incidents[0]).toMatchObject({ change: 2, changeKind: 'closed', lastCommandOffset: 1 });
    const reopened = takeRisk(again.incidents, risk('b', 1), { partition: 3, offset: 1 }, rules);
    expect(kinds(reopened.changes)).toEqual(['reopened']);
    const replayed = takeCommand(reopened.incidents, command('inc-a', 'close'), 0);
    expect(replayed.incidents[0]!.state).toBe('open');
  });

  test('a quiet incident expires only if no risk came since it was asked to', () => {
    expect(kinds(takeCommand(opened, command('inc-a', 'expire', 0), 0).changes)).toEqual(['closed']);
    const grown = takeRisk(opened, risk('b', 1), { partition: 3, offset: 1 }, rules).incidents;
    expect(kinds(takeCommand(grown, command('inc-a', 'expire', 0), 0).changes)).toEqual(['seen']);
  });

  test('a false alarm stays one until something worse happens', () => {
    const falseAlarm = takeCommand(opened, command('inc-a', 'falseAlarm'), 0).incidents;
    const same = takeRisk(falseAlarm, risk('b', 1), { partition: 3, offset: 1 }, rules);
    expect([kinds(same.changes), same.incidents[0]!.state]).toEqual([['grown'], 'falseAlarm']);
    const worse = takeRisk(same.incidents, risk('c', 2, 'critical'), { partition: 3, offset: 2 }, rules);
    expect([kinds(worse.changes), worse.incidents[0]!.state]).toEqual([['reopened'], 'open']);
  });

  test('for an incident that is not there is nothing', () => {
    expect(takeCommand(opened, command('inc-x', 'close'), 0)).toEqual({ incidents: opened, changes: [] });
  });
});

/** An input of either log; a command is for whichever incident is the newest when it comes. */
type Input = { risk: RiskInput } | { action: CommandAction };

const inputs = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        minute: fc.integer({ min: 0, max: 240 }),
        severity: fc.constantFrom(...SEVERITIES),
        score: fc.integer({ min: 3, max: 12 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        action: fc.constantFrom('acknowledge', 'close', 'falseAlarm', 'note', 'expire' as const),
      }),
    },
  ),
  { minLength: 1, maxLength: 40 },
);

test('whatever stretch of both logs is read again, in whatever interleaving, nothing changes and only last changes are repeated', () => {
  fc.assert(
    fc.property(
      inputs,
      fc.nat(),
      fc.nat(),
      fc.infiniteStream(fc.boolean()),
      (drawn, riskBack, commandBack, order) => {
        let incidents: readonly Incident[] = [];
        const risks: RiskInput[] = [];
        const commands: IncidentCommand[] = [];
        const made = new Set<string>();
        for (const one of drawn) {
          const input: Input =
            'action' in one ? one : { risk: risk(`r${risks.length}`, one.minute, one.severity, one.score) };
          const outcome =
            'risk' in input
              ? takeRisk(
                  incidents,
                  risks[risks.push(input.risk) - 1]!,
                  { partition: 0, offset: risks.length - 1 },
                  rules,
                )
              : takeCommand(
                  incidents,
                  commands[
                    commands.push(command(incidents.at(-1)?.id ?? 'none', input.action, risks.length - 1)) - 1
                  ]!,
                  commands.length - 1,
                );
          incidents = outcome.incidents;
          for (const change of outcome.changes) {
            expect(change.repeated).toBe(false);
            if (change.kind !== 'seen')
              made.add(`${change.incident.id}/${change.incident.change}/${change.kind}`);
          }
        }

        let nextRisk = risks.length - (riskBack % (risks.length + 1));
        let nextCommand = commands.length - (commandBack % (commands.length + 1));
        while (nextRisk < risks.length || nextCommand < commands.length) {
          const takeOne = nextCommand >= commands.length || (nextRisk < risks.length && order.next().value);
          const outcome = takeOne
            ? takeRisk(incidents, risks[nextRisk]!, { partition: 0, offset: nextRisk++ }, rules)
            : takeCommand(incidents, commands[nextCommand]!, nextCommand++);
          expect(outcome.incidents).toEqual(incidents);
          for (const change of outcome.changes) {
            expect(change.repeated).toBe(true);
            expect(made).toContain(`${change.incident.id}/${change.incident.change}/${change.kind}`);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('every change counts one more than the one before, and ids never meet twice', () => {
  fc.assert(
    fc.property(inputs, (drawn) => {
      const seen = new Map<string, number>();
      const { changes } = run(
        drawn.flatMap((one, i) =>
          'action' in one ? [] : [risk(`r${i}`, one.minute, one.severity, one.score)],
        ),
      );
      for (const { incident } of changes.flat()) {
        expect(incident.change).toBe((seen.get(incident.id) ?? 0) + 1);
        seen.set(incident.id, incident.change);
      }
    }),
  );
});

test('a risk that a scorer publishes once more is only marked as seen', () => {
  const [a, b] = [risk('a', 0), risk('b', 1, 'critical')];
  const { incidents, changes } = run([a, b, a, b]);
  expect(changes.map(kinds)).toEqual([['opened'], ['escalated'], ['seen'], ['seen']]);
  expect(incidents).toHaveLength(1);
  expect(incidents[0]).toMatchObject({ risks: 2, change: 2, lastRiskOffset: 3 });
});

test('the same offset of another partition is another event', () => {
  const { changes } = run([risk('a', 0), { ...risk('b', 1), partition: 1, offset: 0 }]);
  expect(changes.map(kinds)).toEqual([['opened'], ['grown']]);
});

test('an incident keeps its newest events where the pipeline learns from labels, and none elsewhere', () => {
  const labelled = Array.from({ length: KEPT_EVENTS + 3 }, (_, i) => ({
    ...risk(`r${i}`, i),
    eventId: `e${i}`,
    secondary: { terminal: `t${i}` },
    firstScore: 1 + i,
  }));
  const [incident] = run(labelled).incidents;
  expect(incident!.risks).toBe(KEPT_EVENTS + 3);
  expect(incident!.events).toHaveLength(KEPT_EVENTS);
  expect(incident!.events.at(-1)).toEqual({
    time: labelled.at(-1)!.eventTime,
    offset: labelled.at(-1)!.offset,
    eventId: `e${KEPT_EVENTS + 2}`,
    secondary: { terminal: `t${KEPT_EVENTS + 2}` },
    surprise: KEPT_EVENTS + 3,
  });
  expect(run([risk('a', 0)]).incidents[0]!.events).toEqual([]);
});

test('a confirmed incident can be confirmed once more when risks have come since', () => {
  const opened = run([risk('a', 0)]).incidents;
  const confirmed = takeCommand(opened, command('inc-a', 'confirm'), 0).incidents;
  expect(takeCommand(confirmed, command('inc-a', 'confirm'), 1).changes[0]!.kind).toBe('seen');
  const grown = takeRisk(confirmed, risk('b', 1), { partition: 0, offset: 1 }, rules).incidents;
  expect(takeCommand(grown, command('inc-a', 'confirm'), 2).changes[0]).toMatchObject({
    kind: 'confirmed',
    incident: { judged: 2 },
  });
});

test('what is wrong with a stream is told by each of its partitions and is one incident', () => {
  const stream: RiskInput = { ...risk('s', 0), kind: 'stream' };
  const first = takeRisk([], { ...stream, partition: 2, offset: 900 }, { partition: 0, offset: 10 }, rules);
  expect(first.incidents).toMatchObject([{ id: 'inc-s', kind: 'stream', change: 1 }]);
  let incidents = first.incidents;
  [
    { ...stream, partition: 1, offset: 3 },
    { ...stream, partition: 2, offset: 900, eventTime: 900 * MINUTE },
    { ...stream, partition: 2, offset: 950, eventTime: 900 * MINUTE },
  ].forEach((again, index) => {
    const outcome = takeRisk(incidents, again, { partition: 0, offset: 20 + index }, rules);
    expect(outcome.changes.map(({ kind }) => kind)).toEqual(['seen']);
    incidents = outcome.incidents;
  });
  expect(incidents).toMatchObject([{ id: 'inc-s', change: 1, risks: 1, lastRiskOffset: 22 }]);
});

test('a change that took in less is the older one, though more changes led to it', () => {
  const first = run([risk('a', 0)]).incidents;
  const expire = command('inc-a', 'expire', 0);
  const b = risk('b', 1);
  const c = risk('c', 2);
  const risks = (incidents: readonly Incident[], from: number, ...more: RiskInput[]) =>
    more.reduce(
      (all, one, i) => takeRisk(all, one, { partition: 3, offset: from + i }, rules).incidents,
      incidents,
    );
  // One replica reads the command first, and is then frozen; its successor reads it after two more risks.
  const late = risks(takeCommand(first, expire, 0).incidents, 1, b)[0]!;
  const successor = takeCommand(risks(first, 1, b, c), expire, 0).incidents[0]!;
  expect([late.change, late.risks]).toEqual([3, 2]);
  expect([successor.change, successor.risks]).toEqual([3, 3]);
  expect(takenIn(late)).toBeLessThan(takenIn(successor));
});

/** What a scorer makes of a dead letter that is sent again: it is read at the end, under the id of its first place. */
const replayOf = (one: RiskInput): RiskInput => ({ ...one, offset: events++, origin: one.offset });

test('a replayed event that is new is taken in although later ones were; sent once more, it is only seen', () => {
  const dead = risk('dead', 1);
  const [a, b] = [risk('a', 0), risk('b', 2)];
  const [once, twice] = [replayOf(dead), replayOf(dead)];
  const c = risk('c', 3);
  const { incidents, changes } = run([a, b, once, c, twice, once]);
  expect(changes.map(kinds)).toEqual([['opened'], ['grown'], ['grown'], ['grown'], ['seen'], ['seen']]);
  expect(incidents[0]).toMatchObject({ risks: 4, firstOffsets: [a.offset, b.offset, dead.offset, c.offset] });
});

test('an event that has been a risk already and is replayed is only seen', () => {
  const [a, b, c] = [risk('a', 0), risk('b', 1), risk('c', 2)];
  const { incidents, changes } = run([a, b, c, replayOf(b), replayOf(c), replayOf(a)]);
  expect(changes.flatMap(kinds)).toEqual(['opened', 'grown', 'grown', 'seen', 'seen', 'seen']);
  expect(incidents[0]!.risks).toBe(3);
});

test('an incident knows the first places of its newest events, of one partition', () => {
  const many = Array.from({ length: KEPT_OFFSETS + 3 }, (_, i) => risk(`r${i}`, 0));
  const { incidents } = run(many);
  expect(incidents[0]!.firstOffsets).toEqual(many.slice(-KEPT_OFFSETS).map(({ offset }) => offset));
  const elsewhere = { ...risk('x', 1), partition: 1, offset: 7 };
  expect(run([...many, elsewhere]).incidents[0]!.firstOffsets).toEqual([7]);
});
