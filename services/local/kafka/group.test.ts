import { ERROR } from './errors.js';
import { Group, type JoinAnswer } from './group.js';

const groups: Group[] = [];
afterEach(() => {
  for (const group of groups.splice(0)) group.stop();
});

function newGroup(): Group {
  const group = new Group('g');
  groups.push(group);
  return group;
}

function join(
  group: Group,
  memberId = '',
  { topics = 'a', sessionTimeoutMs = 10_000, rebalanceTimeoutMs = 10_000 } = {},
): Promise<JoinAnswer> {
  return group.join({
    memberId,
    clientId: 'test',
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType: 'consumer',
    protocols: [{ name: 'RoundRobinAssigner', metadata: Buffer.from(topics) }],
  });
}

/** Two members that have joined, the leader first. Neither has synced. */
async function pair(group: Group): Promise<[JoinAnswer, JoinAnswer]> {
  const [one, two] = await Promise.all([join(group), join(group)]);
  return one.leader === one.memberId ? [one, two] : [two, one];
}

const plan = (...members: JoinAnswer[]) =>
  new Map(members.map(({ memberId }) => [memberId, Buffer.from(`for ${memberId}`)]));

describe('Group', () => {
  test('members that start together make one generation, and the leader alone sees them all', async () => {
    const [leader, follower] = await pair(newGroup());
    expect(leader).toMatchObject({ error: ERROR.NONE, generation: 1, protocol: 'RoundRobinAssigner' });
    expect(leader.members.map(({ id }) => id).sort()).toEqual([leader.memberId, follower.memberId].sort());
    expect(follower).toMatchObject({ generation: 1, leader: leader.memberId, members: [] });
  });

  test.each(['before', 'after'])('a follower that syncs %s the leader gets its assignment', async (order) => {
    const group = newGroup();
    const [leader, follower] = await pair(group);
    const early = order === 'before' ? group.sync(follower.memberId, 1, new Map()) : undefined;
    await group.sync(leader.memberId, 1, plan(leader, follower));
    const answer = await (early ?? group.sync(follower.memberId, 1, new Map()));
    expect(answer).toEqual({ error: ERROR.NONE, assignment: Buffer.from(`for ${follower.memberId}`) });
    expect(group.state).toBe('stable');
  });

  test('a new member makes the others join again, and waits for them no longer than it takes', async () => {
    const group = newGroup();
    const first = await join(group);
    await group.sync(first.memberId, 1, plan(first));
    const late = join(group);
    expect(group.heartbeat(first.memberId, 1)).toBe(ERROR.REBALANCE_IN_PROGRESS);
    expect(group.mayCommit(first.memberId, 1)).toBe(ERROR.NONE);
    const again = await join(group, first.memberId);
    expect(again).toMatchObject({ generation: 2, leader: first.memberId });
    expect((await late).generation).toBe(2);
    expect(group.mayCommit(first.memberId, 1)).toBe(ERROR.ILLEGAL_GENERATION);
  });

  test('a leave hands the rest over at once; the last one empties the group', async () => {
    const group = newGroup();
    const [leader, follower] = await pair(group);
    await group.sync(leader.memberId, 1, plan(leader, follower));
    expect(group.leave(leader.memberId)).toBe(ERROR.NONE);
    expect(await join(group, follower.memberId)).toMatchObject({ generation: 2, leader: follower.memberId });
    expect(group.leave(follower.memberId)).toBe(ERROR.NONE);
    expect([group.state, group.members.size]).toEqual(['empty', 0]);
    expect(group.mayCommit('', -1)).toBe(ERROR.NONE);
  });

  test('a member that isn’t heard of for its session timeout is out', async () => {
    const group = newGroup();
    const silent = await join(group, '', { sessionTimeoutMs: 30 });
    await group.sync(silent.memberId, 1, plan(silent));
    const next = await join(group);
    expect(next.leader).toBe(next.memberId);
    expect(group.heartbeat(silent.memberId, 1)).toBe(ERROR.UNKNOWN_MEMBER_ID);
  });

  test('who doesn’t join again within the rebalance timeout is out', async () => {
    const group = newGroup();
    const slow = await join(group, '', { rebalanceTimeoutMs: 40 });
    await group.sync(slow.memberId, 1, plan(slow));
    const next = await join(group, '', { rebalanceTimeoutMs: 40 });
    expect(next.members.map(({ id }) => id)).toEqual([next.memberId]);
  });

  test('while the leader has not assigned, nobody may commit and a late sync of an old generation is refused', async () => {
    const group = newGroup();
    const [leader, follower] = await pair(group);
    expect(group.mayCommit(follower.memberId, 1)).toBe(ERROR.REBALANCE_IN_PROGRESS);
    expect((await group.sync(leader.memberId, 0, new Map())).error).toBe(ERROR.ILLEGAL_GENERATION);
    expect((await group.sync('stranger', 1, new Map())).error).toBe(ERROR.UNKNOWN_MEMBER_ID);
  });

  test('members without a protocol in common are refused', async () => {
    const group = newGroup();
    await join(group);
    const other = await group.join({
      memberId: '',
      clientId: 'test',
      sessionTimeoutMs: 1_000,
      rebalanceTimeoutMs: 1_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    });
    expect(other.error).toBe(ERROR.INCONSISTENT_GROUP_PROTOCOL);
  });

  test.each([
    ['stays out', false, ERROR.UNKNOWN_MEMBER_ID],
    ['that speaks again stays in', true, ERROR.NONE],
  ])('a member whose connection closed %s after a short while', async (_what, speaks, expected) => {
    jest.useFakeTimers();
    try {
      const group = newGroup();
      const joining = join(group);
      await jest.advanceTimersByTimeAsync(100);
      const { memberId } = await joining;
      await group.sync(memberId, 1, new Map());
      group.lost(memberId);
      if (speaks) group.heartbeat(memberId, 1);
      await jest.advanceTimersByTimeAsync(5_000);
      expect(group.heartbeat(memberId, 1)).toBe(expected);
    } finally {
      jest.useRealTimers();
    }
  });
});
