import fc from 'fast-check';
import { COMMAND_ACTIONS, PLAIN_COMMAND } from '../../alerting/commands.js';
import {
  announces,
  type Change,
  type Incident,
  type IncidentRules,
  KEPT_PER_ENTITY,
  type RiskInput,
} from '../../alerting/incidents.js';
import { SEVERITIES } from '../../alerting/severity.js';
import { PartitionState } from '../../services/alert-api/partition-state.js';
import type { CommandRecord } from '../../services/alert-api/records.js';
import { type Committed, unfinished } from '../../services/alert-api/unfinished.js';

const MINUTE = 60_000;
const QUIET = 10 * MINUTE;
const rules: IncidentRules = { quiet: () => QUIET, incidentId: (risk) => `inc-${risk}` };

type Input =
  | { readonly log: 'risks'; readonly offset: number; readonly risk: RiskInput }
  | { readonly log: 'commands'; readonly offset: number; readonly command: CommandRecord };

/** What an input of a history is drawn from; entities, events and offsets follow from its place. */
const drawn = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('risk' as const),
      entity: fc.nat(2),
      /** minutes that event time goes on, or back: a late event */
      minutes: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 25 }) },
        { weight: 1, arbitrary: fc.integer({ min: -60, max: -1 }) },
      ),
      severity: fc.constantFrom(...SEVERITIES),
      score: fc.integer({ min: 3, max: 12 }),
    }),
  },
  /** a scorer that died publishes its last risks once more */
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('again' as const), risks: fc.integer({ min: 1, max: 4 }) }),
  },
  /** a dead letter is sent again: an event that has been a risk already, one of the last few, or one that is new */
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replay' as const),
      of: fc.nat(2),
      isNew: fc.boolean(),
      entity: fc.nat(2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      action: fc.constantFrom(...COMMAND_ACTIONS.filter((one) => one !== 'gather' && one !== 'redeliver')),
      /** which of the risks so far opened the incident it is about, if it did */
      of: fc.nat(),
      level: fc.nat(2),
    }),
  },
);

function historyOf(list: readonly (typeof drawn extends fc.Arbitrary<infer T> ? T : never)[]): Input[] {
  const inputs: Input[] = [];
  const risks: RiskInput[] = [];
  /** offset of the next event; of every second one nothing comes, until it is sent again */
  let events = 0;
  let now = 1_000 * MINUTE;
  let riskOffset = 0;
  let commandOffset = 0;
  const put = (risk: RiskInput) => inputs.push({ log: 'risks', offset: riskOffset++, risk });
  const placed = (offset: number) => ({ partition: 0, offset, origin: -1 });
  for (const one of list) {
    if (one.kind === 'risk') {
      now += Math.max(0, one.minutes) * MINUTE;
      const eventTime = now + Math.min(0, one.minutes) * MINUTE;
      const { entity, severity, score } = one;
      risks.push({
        ...{ id: `r${risks.length}`, kind: 'event', pipeline: 'p', domain: 'd', entity: `e${entity}` },
        ...{ eventTime, ...placed(events), timeZone: 'UTC', scoredAt: now, score, severity },
        ...{ reasons: [], sentences: {}, context: {}, model: 'm', secondary: {}, firstScore: 0, eventId: '' },
      });
      events += 2;
      put(risks.at(-1)!);
    } else if (one.kind === 'replay') {
      const before = risks.at(-1 - one.of);
      if (before === undefined) continue;
      const origin = before.origin < 0 ? before.offset : before.origin;
      const fresh = { origin: origin + 1, id: `d${origin + 1}`, entity: `e${one.entity}` };
      const isFresh = one.isNew && before.origin < 0 && risks.every(({ id }) => id !== fresh.id);
      risks.push({ ...before, origin, offset: events, ...(isFresh && fresh) });
      events += 2;
      put(risks.at(-1)!);
    } else if (one.kind === 'again') {
      for (const risk of risks.slice(-one.risks)) put(risk);
    } else {
      const about = risks[one.of % Math.max(1, risks.length)];
      if (about === undefined) continue;
      const ifLastRiskOffset = one.action === 'expire' ? riskOffset - 1 - (one.level > 1 ? 1 : 0) : -1;
      const command: CommandRecord = {
        ...PLAIN_COMMAND,
        ...{ id: `c${commandOffset}`, incident: `inc-${about.id}`, action: one.action, by: 'ann', at: now },
        ...{ pipeline: 'p', domain: 'd', entity: about.entity, ifLastRiskOffset, level: one.level },
        ...{ detail: one.action === 'link' ? `parent-${one.level}` : '' },
      };
      inputs.push({ log: 'commands', offset: commandOffset++, command });
    }
  }
  return inputs;
}

/** What the topics hold: incidents, and which changes of them somebody was told of. */
class Kept {
  readonly incidents = new Map<string, Incident>();
  readonly told = new Set<string>();
  committed = 0;
  state = this.restored();

  restored(): PartitionState {
    return new PartitionState(0, rules, (id) => this.incidents.get(id), this.incidents.values());
  }

  /** A new owner: it makes up for what the one before may have left undone, and reads on from what is committed. */
  open(committed: Committed): void {
    this.state = this.restored();
    for (const one of unfinished(this.incidents.values(), committed)) this.tell(one.changeKind, one);
  }

  tell(kind: Change['kind'], { id, change }: Incident): void {
    if (announces(kind)) this.told.add(`${id} ${change} ${kind}`);
  }

  /** @param until how far it gets: `tell` is all the way */
  take(input: Input, until: 'fold' | 'keep' | 'tell'): readonly Change[] {
    const of = input.log === 'risks' ? input.risk : input.command;
    const outcome =
      input.log === 'risks'
        ? this.state.risk(input.risk, input.offset)
        : this.state.command(input.command, input.offset);
    this.state.keep(of, outcome.incidents);
    expect(outcome.incidents.length).toBeLessThanOrEqual(KEPT_PER_ENTITY);
    if (until === 'fold') return outcome.changes;
    for (const { incident, repeated } of outcome.changes) {
      const before = this.incidents.get(incident.id);
      if (repeated) expect(before).toEqual(incident);
      else {
        const { change } = incident;
        expect([change, change - 1]).toContain(before?.change ?? change - 1);
        if (before && before.change < change && announces(before.changeKind))
          expect(this.told).toContain(`${before.id} ${before.change} ${before.changeKind}`);
        this.incidents.set(incident.id, incident);
      }
    }
    if (until === 'keep') return outcome.changes;
    for (const { kind, incident } of outcome.changes) this.tell(kind, incident);
    return outcome.changes;
  }
}

function undisturbed(inputs: readonly Input[]): Kept {
  const kept = new Kept();
  for (const input of inputs) kept.take(input, 'tell');
  return kept;
}

const histories = fc.array(drawn, { minLength: 1, maxLength: 60 }).map(historyOf);
const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 2_000) };

test('every risk is in one incident, once, and an incident’s record is what its changes say', () => {
  fc.assert(
    fc.property(histories, (inputs) => {
      const kept = new Kept();
      const changes = new Map<string, number>();
      for (const input of inputs) {
        for (const { incident, repeated } of kept.take(input, 'tell')) {
          expect(repeated).toBe(false);
          expect(incident.change).toBeGreaterThanOrEqual(changes.get(incident.id) ?? 1);
          changes.set(incident.id, incident.change);
        }
      }
      const incidents = [...kept.incidents.values()];
      const risks = new Map(inputs.flatMap((one) => (one.log === 'risks' ? [[one.risk.id, one.risk]] : [])));
      expect(incidents.reduce((sum, one) => sum + one.risks, 0)).toBe(risks.size);
      for (const one of incidents) {
        expect(one.openedAt).toBeLessThanOrEqual(one.lastRiskAt);
        expect(one.id).toBe(`inc-${one.firstRiskId}`);
        const mine = [...risks.values()].filter(
          ({ entity, eventTime }) =>
            entity === one.entity && eventTime >= one.openedAt && eventTime <= one.lastRiskAt,
        );
        expect(mine.length).toBeGreaterThanOrEqual(1);
        expect(Math.max(...mine.map(({ score }) => score))).toBeGreaterThanOrEqual(one.maxScore);
      }
    }),
    runs,
  );
});

test('whatever is read again after a crash anywhere, the same incidents are kept and the same changes told', () => {
  const cut = fc.record({
    at: fc.nat(80),
    until: fc.constantFrom('fold' as const, 'keep' as const, 'tell' as const),
    /** inputs since the last commit that are read again too */
    back: fc.nat(12),
  });
  fc.assert(
    fc.property(histories, fc.array(cut, { maxLength: 5 }), (inputs, cuts) => {
      const expected = undisturbed(inputs);
      const kept = new Kept();
      const pending = [...cuts];
      let furthest = 0;
      for (let at = 0; at < inputs.length; at++) {
        const [next] = pending;
        if (next !== undefined && at >= next.at) {
          pending.shift();
          kept.take(inputs[at]!, next.until);
          furthest = Math.max(furthest, at);
          kept.state = kept.restored();
          at = Math.max(kept.committed, at - next.back) - 1;
          continue;
        }
        kept.take(inputs[at]!, 'tell');
        // What comes after a cut is read again, so no more than what is behind it is committed.
        if (at % 7 === 0 && at > furthest) kept.committed = at + 1;
      }
      expect(Object.fromEntries(kept.incidents)).toEqual(Object.fromEntries(expected.incidents));
      expect([...kept.told].sort()).toEqual([...expected.told].sort());
    }),
    runs,
  );
});

test('whichever of the two logs is read first after a crash, no change is written over before it was told of', () => {
  const step = fc.record({
    log: fc.constantFrom('risks' as const, 'commands' as const),
    until: fc.constantFrom(
      'fold' as const,
      'keep' as const,
      ...Array.from({ length: 6 }, () => 'tell' as const),
    ),
    commits: fc.boolean(),
  });
  fc.assert(
    fc.property(histories, fc.array(step, { minLength: 1, maxLength: 120 }), (inputs, steps) => {
      const kept = new Kept();
      const logs = {
        risks: inputs.filter((one) => one.log === 'risks'),
        commands: inputs.filter((one) => one.log === 'commands'),
      };
      let committed = { risks: 0, commands: 0 };
      const at = { ...committed };
      for (const { log, until, commits } of steps) {
        const input = logs[log][at[log]];
        if (input === undefined) continue;
        kept.take(input, until);
        at[log] += 1;
        if (until !== 'tell') {
          Object.assign(at, committed);
          kept.open(committed);
        } else if (commits) committed = { ...committed, [log]: at[log] };
      }
      for (const log of ['commands', 'risks'] as const)
        for (const input of logs[log].slice(at[log])) kept.take(input, 'tell');
      for (const one of kept.incidents.values())
        if (announces(one.changeKind))
          expect(kept.told).toContain(`${one.id} ${one.change} ${one.changeKind}`);
    }),
    runs,
  );
});
