import { type Incident, type RiskInput, takeRisk } from './incidents.js';
import { groupOf, memberOf, takeMember } from './parents.js';

const MINUTE = 60_000;
const rules = {
  members: 3,
  windowMs: 10 * MINUTE,
  parentId: (group: string, member: string) => `${group}/${member}`,
};

function child(n: number, minute: number, severity: RiskInput['severity'] = 'medium'): Incident {
  const risk: RiskInput = {
    id: `r${n}`,
    kind: 'event',
    pipeline: 'p',
    domain: 'plant-1',
    entity: `pump-${n}`,
    eventTime: minute * MINUTE,
    partition: 0,
    offset: n,
    origin: -1,
    timeZone: 'UTC',
    scoredAt: minute * MINUTE + 5,
    score: 5 + n / 10,
    severity,
    reasons: [
      {
        feature: 'flow.change',
        field: 'flow',
        detector: 'd',
        observed: 1,
        expected: 9,
        unit: 'm3/h',
        direction: 'low',
        share: 1,
      },
    ],
    sentences: {},
    context: {},
    model: 'm',
    eventId: '',
    secondary: {},
    firstScore: 0,
  };
  const outcome = takeRisk(
    [],
    risk,
    { partition: n % 4, offset: n },
    { quiet: () => MINUTE, incidentId: (id) => `inc-${id}` },
  );
  return outcome.incidents[0]!;
}

function gather(children: readonly Incident[], known: (parent: Incident) => boolean = () => false) {
  let parents: readonly Incident[] = [];
  const waiting = [];
  const kinds: string[][] = [];
  for (const [offset, one] of children.entries()) {
    waiting.push(memberOf(one));
    const outcome = takeMember(parents, memberOf(one), one, waiting, { partition: 2, offset }, rules, known);
    parents = outcome.incidents;
    kinds.push(outcome.changes.map((change) => change.kind));
  }
  return { parents, kinds };
}

test('the third of a group opens one parent, those after join it, a worse one escalates it', () => {
  const { parents, kinds } = gather([
    child(1, 0),
    child(2, 1),
    child(3, 2),
    child(4, 3),
    child(5, 4, 'critical'),
  ]);
  expect(kinds).toEqual([[], [], ['opened'], ['grown'], ['escalated']]);
  expect(parents).toMatchObject([
    {
      id: 'plant-1: flow low/inc-r3',
      kind: 'parent',
      entity: groupOf({ domain: 'plant-1', reason: 'flow low' }),
      state: 'open',
      severity: 'critical',
      members: 5,
      partition: 2,
      change: 3,
    },
  ]);
});

test('those that are further apart than the window are not related', () => {
  expect(gather([child(1, 0), child(2, 11), child(3, 22), child(4, 33)]).parents).toEqual([]);
});

test('a command that is read again changes nothing and repeats what followed from it', () => {
  const { parents } = gather([child(1, 0), child(2, 1), child(3, 2)]);
  const again = takeMember(
    parents,
    memberOf(child(3, 2)),
    child(3, 2),
    [],
    { partition: 2, offset: 2 },
    rules,
    () => false,
  );
  expect(again.incidents).toBe(parents);
  expect(again.changes).toMatchObject([{ kind: 'opened', repeated: true }]);
});

test('an incident that the parent knows is not counted twice', () => {
  expect(gather([child(1, 0), child(2, 1), child(3, 2), child(3, 3)], () => true).parents).toMatchObject([
    { members: 3 },
  ]);
});
