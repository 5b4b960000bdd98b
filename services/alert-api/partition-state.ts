import { type IncidentCommand, takeCommand } from '../../alerting/commands.js';
import {
  type Change,
  type Incident,
  type IncidentRules,
  isActive,
  newest,
  type Outcome,
  type RiskInput,
  takeRisk,
} from '../../alerting/incidents.js';
import { type CommandRecord, entityKey } from './records.js';

/** An incident that was asked to expire and hasn't is asked again after this many milliseconds. */
const ASK_AGAIN = 60_000;

/** The incidents of one partition as far as inputs can still change them, kept by entity. */
export class PartitionState {
  readonly #entities = new Map<string, readonly Incident[]>();
  /** newest event time by pipeline and domain: how far the stream has come */
  readonly #progress = new Map<string, number>();
  /** incidents that were asked to expire: with which newest risk, and when */
  readonly #expiring = new Map<string, { lastRiskOffset: number; askedAt: number }>();

  constructor(
    readonly partition: number,
    private readonly rules: IncidentRules,
    /** an incident that is no longer among its entity's newest */
    private readonly stored: (id: string) => Incident | undefined,
    restored: Iterable<Incident>,
  ) {
    for (const incident of restored) {
      const key = entityKey(incident);
      this.#entities.set(key, newest([...(this.#entities.get(key) ?? []), incident]));
      this.#advance(incident, incident.lastRiskAt);
    }
  }

  risk(risk: RiskInput, offset: number): Outcome {
    this.#advance(risk, risk.eventTime);
    const incidents = this.#entities.get(entityKey(risk)) ?? [];
    if (this.#openedLongAgo(risk, incidents)) return { incidents, changes: [] };
    return takeRisk(incidents, risk, { partition: this.partition, offset }, this.rules);
  }

  /** A replayed event has opened an incident before, which is no longer among its entity's newest: it must not open it anew. */
  #openedLongAgo({ id, origin }: RiskInput, incidents: readonly Incident[]): boolean {
    if (origin < 0) return false;
    const first = this.rules.incidentId(id);
    return this.stored(first) !== undefined && incidents.every((one) => one.id !== first);
  }

  /** The parents of a group of ours, which are kept like an entity's incidents. */
  parents(pipeline: string, group: string): readonly Incident[] {
    return this.#entities.get(entityKey({ pipeline, entity: group })) ?? [];
  }

  /** Incidents that nobody has acknowledged yet and no parent stands for. */
  *unacknowledged(): Iterable<Incident> {
    for (const incidents of this.#entities.values())
      for (const one of incidents) if (one.state === 'open' && one.parent === '') yield one;
  }

  command(command: CommandRecord, offset: number): Outcome {
    const incidents = this.#entities.get(entityKey(command)) ?? [];
    if (incidents.some((one) => one.id === command.incident)) return takeCommand(incidents, command, offset);
    const old = this.stored(command.incident);
    const outcome = takeCommand(old ? [old] : [], command, offset);
    return { incidents: newest([...incidents, ...outcome.incidents]), changes: outcome.changes };
  }

  /** Takes over what `risk` or `command` came to. */
  keep(of: { pipeline: string; domain: string; entity: string }, incidents: readonly Incident[]): void {
    if (incidents.length > 0) this.#entities.set(entityKey(of), incidents);
  }

  /**
   * Incidents that went quiet: the stream has come past their quiet gap, or no input came for as long by the clock.
   * Closing them is a command like a person's, conditional on no risk having come since, so it is on record and the
   * fold stays a function of its two logs.
   */
  quiet(
    now: number,
    standing: ReadonlySet<string> = new Set(),
  ): Pick<IncidentCommand, 'incident' | 'ifLastRiskOffset'>[] {
    const found: Pick<IncidentCommand, 'incident' | 'ifLastRiskOffset'>[] = [];
    for (const incidents of this.#entities.values()) {
      for (const one of incidents) {
        if (!isActive(one)) {
          this.#expiring.delete(one.id);
          continue;
        }
        if (standing.has(one.id)) continue; // a parent stays as long as one that it stands for
        if (one.kind === 'stream') continue; // told once, so it stays until a person closes it
        const gap = this.rules.quiet(one.pipeline);
        const passed =
          (this.#progress.get(`${one.pipeline}|${one.domain}`) ?? 0) > one.lastRiskAt + gap ||
          now > one.changedAt + gap;
        const asked = this.#expiring.get(one.id);
        if (!passed || (asked?.lastRiskOffset === one.lastRiskOffset && now - asked.askedAt < ASK_AGAIN))
          continue;
        this.#expiring.set(one.id, { lastRiskOffset: one.lastRiskOffset, askedAt: now });
        found.push({ incident: one.id, ifLastRiskOffset: one.lastRiskOffset });
      }
    }
    return found;
  }

  #advance(of: { pipeline: string; domain: string }, time: number): void {
    const key = `${of.pipeline}|${of.domain}`;
    if (time > (this.#progress.get(key) ?? Number.NEGATIVE_INFINITY)) this.#progress.set(key, time);
  }
}

/**
 * Changes gathered until they are written together. An incident is in it once: a change that only makes it longer
 * replaces the one before, while one that someone may want to hear of has to be written first.
 */
export class Segment {
  readonly #changes = new Map<string, Change>();
  readonly #final = new Set<string>();

  get size(): number {
    return this.#changes.size;
  }

  /** true when these changes must wait until what is gathered has been written */
  collides(changes: readonly Change[]): boolean {
    return changes.some((change) => this.#final.has(change.incident.id));
  }

  add(changes: readonly Change[], isFinal: (change: Change) => boolean): void {
    for (const change of changes) {
      this.#changes.set(change.incident.id, change);
      if (isFinal(change)) this.#final.add(change.incident.id);
    }
  }

  /** Empties it. */
  take(): Change[] {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    this.#final.clear();
    return changes;
  }
}
