import { type Incident, isActive } from '../../alerting/incidents.js';
import { groupOf, type Member, memberOf, type RelatedRules, standsFor } from '../../alerting/parents.js';
import type { View } from './views.js';

/** Related incidents as one partition sees them: as the owner of incidents, and as the owner of groups. */
export class Related {
  /** groups of ours: members that have no parent, by incident */
  readonly #waiting = new Map<string, Map<string, Member>>();
  /** incidents of ours that have no parent: group -> incident -> event time */
  readonly #here = new Map<string, Map<string, number>>();
  /** incidents of ours that nobody was told of because a parent stands for them, or will: since when */
  readonly #untold = new Map<string, number>();

  constructor(
    private readonly rules: RelatedRules,
    view: Pick<View<Incident>, 'values'>,
    private readonly parents: ActiveParents,
    /** the partition of a group, of which `ours` is one */
    partitionOf: (group: string) => number,
    ours: number,
    now: number,
  ) {
    if (!this.on) return;
    for (const one of view.values()) {
      if (one.kind !== 'single' || !isActive(one) || one.parent !== '' || one.reason === '') continue;
      const group = groupKey(one);
      if (partitionOf(group) === ours) this.#wait(group, memberOf(one));
      if (one.partition === ours) {
        this.#put(one);
        this.#untold.set(one.id, now);
      }
    }
  }

  get on(): boolean {
    return this.rules.members > 0;
  }

  /** Must the owner of its group hear of this change? */
  concerns(incident: Incident): boolean {
    return (
      this.on &&
      incident.kind === 'single' &&
      incident.reason !== '' &&
      isActive(incident) &&
      ['opened', 'reopened', 'escalated'].includes(incident.changeKind)
    );
  }

  /** Keeps track of an incident of ours after a change. */
  note(incident: Incident): void {
    if (!this.on || incident.kind !== 'single') return;
    if (isActive(incident) && incident.parent === '' && incident.reason !== '') this.#put(incident);
    else {
      this.#here.get(groupKey(incident))?.delete(incident.id);
      this.#untold.delete(incident.id);
    }
  }

  /**
   * Does a parent stand for it? One that is open does; and with so many of the group here that their owner, who hears
   * of each, makes one for certain, it is as good as open. So a partition tells of no more than the first few.
   */
  covers(incident: Incident, now: number): boolean {
    if (!this.on || incident.kind !== 'single' || incident.reason === '') return false;
    if (incident.parent !== '') return true;
    const near = [...(this.#here.get(groupKey(incident))?.values() ?? [])].filter(
      (at) => Math.abs(at - incident.lastRiskAt) <= this.rules.windowMs,
    );
    const covered = near.length >= this.rules.members || this.#parentOf(incident) !== undefined;
    if (covered && !this.#untold.has(incident.id)) this.#untold.set(incident.id, now);
    return covered;
  }

  /** Incidents that were left to a parent `waitMs` ago and still have none: they must be told of after all. */
  forgotten(now: number, waitMs: number): string[] {
    const found = [...this.#untold].filter(([, since]) => now - since >= waitMs).map(([id]) => id);
    for (const id of found) this.#untold.delete(id);
    return found;
  }

  /** Members of a group of ours that wait for a parent, with this one. */
  wait(group: string, member: Member): Member[] {
    this.#wait(group, member);
    const members = this.#waiting.get(group)!;
    for (const [id, one] of members)
      if (Math.abs(one.at - member.at) > this.rules.windowMs) members.delete(id);
    return [...members.values()];
  }

  /** Takes out the members that a parent stands for: they are told so. */
  takeLinked(parent: Incident): Member[] {
    const members = this.#waiting.get(`${parent.pipeline}|${parent.entity}`);
    const linked = [...(members?.values() ?? [])].filter((one) =>
      standsFor(parent, one.at, this.rules.windowMs),
    );
    for (const one of linked) members?.delete(one.incident);
    return linked;
  }

  #parentOf(incident: Incident): Incident | undefined {
    const parent = this.parents.of(groupKey(incident));
    return parent && standsFor(parent, incident.lastRiskAt, this.rules.windowMs) ? parent : undefined;
  }

  #wait(group: string, member: Member): void {
    const members = this.#waiting.get(group) ?? new Map<string, Member>();
    members.set(member.incident, member);
    this.#waiting.set(group, members);
  }

  #put(incident: Incident): void {
    const group = groupKey(incident);
    const members = this.#here.get(group) ?? new Map<string, number>();
    members.set(incident.id, incident.lastRiskAt);
    this.#here.set(group, members);
  }
}

/** The newest parent of each group, of all partitions. */
export interface ActiveParents {
  of(group: string): Incident | undefined;
}

export function followParents(view: Pick<View<Incident>, 'values' | 'onChange'>): ActiveParents {
  const newest = new Map<string, Incident>();
  const take = (one: Incident) => {
    if (one.kind !== 'parent') return;
    const key = `${one.pipeline}|${one.entity}`;
    const known = newest.get(key);
    if (!known || known.id === one.id || one.openedAt >= known.openedAt) newest.set(key, one);
  };
  for (const one of view.values()) take(one);
  view.onChange(take);
  return { of: (group) => newest.get(group) };
}

/** The key of a group's parent; its partition is that of the key. */
export function groupKey(incident: Pick<Incident, 'pipeline' | 'domain' | 'reason'>): string {
  return `${incident.pipeline}|${groupOf(incident)}`;
}
