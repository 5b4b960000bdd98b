import type { Figures } from './collector.js';

/** How well a pipeline's risks and incidents fit what was really wrong in the stream. */
export interface Quality {
  /** null without risks */
  readonly precision: number | null;
  /** null where nothing was wrong */
  readonly recall: number | null;
  /** the precision that events picked at random would have */
  readonly chance: number | null;
  readonly truths: number;
  readonly foundTruths: number;
}

export interface PipelineOutcome extends Quality {
  readonly events: number;
  readonly risks: number;
  readonly incidents: number;
}

/** The demo's last line with --json. */
export interface Outcome {
  readonly events: number;
  /** events over the seconds from the first one sent to the last one scored */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly risks: number;
  readonly incidents: number;
  readonly deliveriesSucceeded: number;
  readonly verifiedSignatures: number;
  readonly deadLetters: number;
  readonly plantedBadEvents: number;
  /** good events that the producer sent */
  readonly sentEvents: number;
  readonly clickhouseRisks: number;
  readonly backend: string;
  readonly pipelines: Readonly<Record<string, PipelineOutcome>>;
}

export interface Measured {
  readonly figures: Figures;
  readonly seconds: number;
  readonly planted: number;
  /** events that the producer sent, bad ones not counted */
  readonly sent: number;
  readonly quality: Readonly<Record<string, Quality>>;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

export function outcomeOf({ figures, seconds, planted, sent, quality }: Measured): Outcome {
  const { pipelines } = figures;
  const events = sum(pipelines.map((one) => one.events));
  return {
    events,
    eventsPerSecond: Math.round(events / seconds),
    seconds: Math.round(seconds * 10) / 10,
    risks: sum(pipelines.map((one) => one.risks)),
    incidents: sum(pipelines.map((one) => one.incidents)),
    deliveriesSucceeded: figures.deliveries.succeeded,
    verifiedSignatures: figures.verified,
    deadLetters: sum(pipelines.map((one) => one.deadLetters)),
    plantedBadEvents: planted,
    sentEvents: sent,
    clickhouseRisks: figures.clickhouseRisks,
    backend: figures.backend,
    pipelines: Object.fromEntries(
      pipelines.map(({ name, events: own, risks, incidents }) => [
        name,
        { events: own, risks, incidents, ...qualityOf(name, quality) },
      ]),
    ),
  };
}

function qualityOf(name: string, quality: Measured['quality']): Quality {
  const own = quality[name];
  if (!own) throw new Error(`${name} was not judged: no stream of it was produced`);
  const { precision, recall, chance, truths, foundTruths } = own;
  return { precision, recall, chance, truths, foundTruths };
}

/** What doesn't add up in a run that has settled. Each sentence names both numbers. */
export function faultsOf(outcome: Outcome): string[] {
  const faults: string[] = [];
  const differ = (what: string, value: number, than: string, expected: number) => {
    if (value !== expected) faults.push(`${what} (${value}) differ from ${than} (${expected})`);
  };
  differ(
    'events that the scorer counted',
    outcome.events,
    'those that were sent',
    outcome.sentEvents + outcome.plantedBadEvents,
  );
  differ('dead letters', outcome.deadLetters, 'the bad events that were planted', outcome.plantedBadEvents);
  differ(
    'risks in ClickHouse',
    outcome.clickhouseRisks,
    'the risks that the scorer published',
    outcome.risks,
  );
  if (outcome.deliveriesSucceeded > outcome.verifiedSignatures)
    faults.push(
      `only ${outcome.verifiedSignatures} of ${outcome.deliveriesSucceeded} deliveries had a signature that the receiver could verify`,
    );
  if (outcome.incidents > 0 && outcome.deliveriesSucceeded === 0)
    faults.push(`${outcome.incidents} incidents were opened and no delivery succeeded`);
  return faults;
}
