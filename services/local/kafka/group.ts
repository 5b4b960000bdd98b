import { randomUUID } from 'node:crypto';
import { ERROR } from './errors.js';

export interface Protocol {
  readonly name: string;
  readonly metadata: Buffer;
}

export interface JoinRequest {
  memberId: string;
  clientId: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocolType: string;
  protocols: Protocol[];
}

export interface JoinAnswer {
  error: number;
  generation: number;
  protocol: string;
  leader: string;
  memberId: string;
  /** for the leader alone */
  members: { id: string; metadata: Buffer }[];
}

export interface SyncAnswer {
  error: number;
  assignment: Buffer;
}

export interface Member {
  readonly id: string;
  readonly clientId: string;
  protocols: Protocol[];
  assignment: Buffer;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  expiry?: NodeJS.Timeout;
  joining?: (answer: JoinAnswer) => void;
  syncing?: (answer: SyncAnswer) => void;
}

/** empty: no members; joining: waits for all to (re)join; syncing: waits for the leader's assignment; stable: works */
export type GroupState = 'empty' | 'joining' | 'syncing' | 'stable';

/** Members that start together are put into one generation. */
const FIRST_JOIN_MS = 50;
const LOST_MS = 3_000;

/** One consumer group, by the classic protocol: join, sync, heartbeat, leave. */
export class Group {
  state: GroupState = 'empty';
  generation = 0;
  protocolType = '';
  protocol = '';
  readonly members = new Map<string, Member>();
  /** key: topic and partition as JSON */
  readonly offsets = new Map<string, { offset: number; metadata: string | undefined }>();
  private leader = '';
  private rebalanceTimer?: NodeJS.Timeout;
  private gathering = false;

  constructor(readonly id: string) {}

  join(request: JoinRequest): Promise<JoinAnswer> {
    const { memberId, protocols, protocolType } = request;
    if (memberId !== '' && !this.members.has(memberId))
      return Promise.resolve(refusedJoin('UNKNOWN_MEMBER_ID', memberId));
    if (this.members.size > 0 && (protocolType !== this.protocolType || !this.agrees(protocols, memberId)))
      return Promise.resolve(refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId));

    const known = this.members.get(memberId);
    const unchanged = known !== undefined && sameProtocols(known.protocols, protocols);
    // A follower that asks again for what it has needs no new round; the leader asks again to start one.
    if (unchanged && (this.state === 'syncing' || (this.state === 'stable' && known.id !== this.leader)))
      return Promise.resolve(this.answerTo(known));

    const member = known ?? this.add(request);
    this.protocolType = protocolType;
    Object.assign(member, {
      protocols,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    });
    clearTimeout(member.expiry);
    member.joining?.(refusedJoin('UNKNOWN_MEMBER_ID', member.id)); // an older request of the same member
    const answer = new Promise<JoinAnswer>((resolve) => {
      member.joining = resolve;
    });
    this.rebalance();
    return answer;
  }

  sync(memberId: string, generation: number, assignments: ReadonlyMap<string, Buffer>): Promise<SyncAnswer> {
    const member = this.members.get(memberId);
    const refuse = (type: keyof typeof ERROR) =>
      Promise.resolve({ error: ERROR[type], assignment: Buffer.alloc(0) });
    if (!member) return refuse('UNKNOWN_MEMBER_ID');
    if (generation !== this.generation) return refuse('ILLEGAL_GENERATION');
    if (this.state === 'joining') return refuse('REBALANCE_IN_PROGRESS');
    this.touch(member);
    if (this.state === 'stable') return Promise.resolve({ error: ERROR.NONE, assignment: member.assignment });
    const answer = new Promise<SyncAnswer>((resolve) => {
      member.syncing = resolve;
    });
    if (memberId === this.leader) {
      this.state = 'stable';
      for (const one of this.members.values()) {
        one.assignment = Buffer.from(assignments.get(one.id) ?? Buffer.alloc(0));
        settleSync(one, ERROR.NONE);
      }
    }
    return answer;
  }

  /** Its connection closed. Unless it is heard of again soon, it is out: on one machine that means that it died. */
  lost(memberId: string): void {
    const member = this.members.get(memberId);
    if (member) this.touch(member, LOST_MS);
  }

  /** Returns an error code. */
  heartbeat(memberId: string, generation: number): number {
    const member = this.members.get(memberId);
    if (!member) return ERROR.UNKNOWN_MEMBER_ID;
    if (generation !== this.generation) return ERROR.ILLEGAL_GENERATION;
    this.touch(member);
    return this.state === 'joining' ? ERROR.REBALANCE_IN_PROGRESS : ERROR.NONE;
  }

  leave(memberId: string): number {
    const member = this.members.get(memberId);
    if (!member) return ERROR.UNKNOWN_MEMBER_ID;
    this.remove(member);
    return ERROR.NONE;
  }

  /** Why these offsets may not be committed, NONE when they may. Without a member, only while the group is empty. */
  mayCommit(memberId: string, generation: number): number {
    if (generation < 0 && memberId === '')
      return this.state === 'empty' ? ERROR.NONE : ERROR.UNKNOWN_MEMBER_ID;
    const member = this.members.get(memberId);
    if (!member) return ERROR.UNKNOWN_MEMBER_ID;
    if (generation !== this.generation) return ERROR.ILLEGAL_GENERATION;
    if (this.state === 'syncing') return ERROR.REBALANCE_IN_PROGRESS;
    this.touch(member);
    return ERROR.NONE;
  }

  stop(): void {
    clearTimeout(this.rebalanceTimer);
    for (const member of this.members.values()) clearTimeout(member.expiry);
  }

  private add({ clientId }: JoinRequest): Member {
    const id = `${clientId}-${randomUUID()}`;
    const member: Member = {
      id,
      clientId,
      protocols: [],
      assignment: Buffer.alloc(0),
      sessionTimeoutMs: 0,
      rebalanceTimeoutMs: 0,
    };
    this.members.set(id, member);
    return member;
  }

  private remove(member: Member): void {
    this.members.delete(member.id);
    clearTimeout(member.expiry);
    member.joining?.(refusedJoin('UNKNOWN_MEMBER_ID', member.id));
    settleSync(member, ERROR.UNKNOWN_MEMBER_ID);
    if (this.members.size > 0) this.rebalance();
    else {
      clearTimeout(this.rebalanceTimer);
      this.state = 'empty';
      this.generation += 1;
      this.leader = '';
    }
  }

  /** Starts a round of joins, and ends it when everybody is there. An empty group's first round waits for company. */
  private rebalance(): void {
    if (this.state !== 'joining') {
      this.gathering = this.state === 'empty';
      this.state = 'joining';
      for (const member of this.members.values()) settleSync(member, ERROR.REBALANCE_IN_PROGRESS);
      const longest = Math.max(...[...this.members.values()].map((member) => member.rebalanceTimeoutMs));
      this.rebalanceTimer = setTimeout(() => this.endRound(), this.gathering ? FIRST_JOIN_MS : longest);
    }
    if (!this.gathering && [...this.members.values()].every((member) => member.joining)) this.endRound();
  }

  /** Who has joined by now makes the new generation; who hasn't is out. */
  private endRound(): void {
    clearTimeout(this.rebalanceTimer);
    for (const member of [...this.members.values()]) {
      if (member.joining) continue;
      this.members.delete(member.id);
      clearTimeout(member.expiry);
    }
    const members = [...this.members.values()];
    const [oldest] = members;
    if (!oldest) {
      this.state = 'empty';
      this.leader = '';
      return;
    }
    this.generation += 1;
    this.state = 'syncing';
    if (!this.members.has(this.leader)) this.leader = oldest.id;
    const shared = (name: string) =>
      members.every(({ protocols }) => protocols.some((one) => one.name === name));
    this.protocol = oldest.protocols.find(({ name }) => shared(name))?.name ?? '';
    for (const member of members) {
      const resolve = member.joining!;
      member.joining = undefined;
      this.touch(member);
      resolve(this.answerTo(member));
    }
  }

  private answerTo(member: Member): JoinAnswer {
    const metadata = ({ protocols }: Member) =>
      protocols.find(({ name }) => name === this.protocol)!.metadata;
    const all = [...this.members.values()].map((one) => ({ id: one.id, metadata: metadata(one) }));
    return {
      error: ERROR.NONE,
      generation: this.generation,
      protocol: this.protocol,
      leader: this.leader,
      memberId: member.id,
      members: member.id === this.leader ? all : [],
    };
  }

  private agrees(protocols: readonly Protocol[], except: string): boolean {
    const others = [...this.members.values()].filter(({ id }) => id !== except);
    return protocols.some(({ name }) =>
      others.every((other) => other.protocols.some((one) => one.name === name)),
    );
  }

  /** A member that isn't heard of for its session timeout is out. One that waits in a join is there. */
  private touch(member: Member, mostMs = Number.POSITIVE_INFINITY): void {
    clearTimeout(member.expiry);
    member.expiry = setTimeout(
      () => {
        if (this.members.get(member.id) === member && !member.joining) this.remove(member);
      },
      Math.min(member.sessionTimeoutMs, mostMs),
    );
  }
}

function settleSync(member: Member, error: number): void {
  member.syncing?.({ error, assignment: error === ERROR.NONE ? member.assignment : Buffer.alloc(0) });
  member.syncing = undefined;
}

function refusedJoin(type: keyof typeof ERROR, memberId: string): JoinAnswer {
  return { error: ERROR[type], generation: -1, protocol: '', leader: '', memberId, members: [] };
}

function sameProtocols(before: readonly Protocol[], after: readonly Protocol[]): boolean {
  return (
    before.length === after.length &&
    before.every(
      ({ name, metadata }, place) => name === after[place]!.name && metadata.equals(after[place]!.metadata),
    )
  );
}
