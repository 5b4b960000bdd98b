import { sumOf } from '../../services/cli/demo/prometheus.js';
import { backendIn, checkAllScored, followScorers, startScorerService } from '../processes/scorer-service.js';
import type { Contender } from './contender.js';

export interface ScorerVariant {
  readonly env?: Readonly<Record<string, string>>;
  readonly preload?: readonly string[];
}

export interface ScorerFacts {
  backend: string;
  risks: number;
}

/** The scorer as it is shipped, or a variant of it. `facts` takes what the last run said besides its rate. */
export function scorerContender(
  name: string,
  events: number,
  { env = {}, preload = [] }: ScorerVariant = {},
  facts: ScorerFacts = { backend: '', risks: 0 },
): Contender {
  return {
    name,
    events,
    async run({ brokers, folder, machine, cores }, onLook) {
      const service = await startScorerService({
        brokers,
        folder,
        machine,
        cores,
        pipeline: 'transactions',
        env,
        preload,
      });
      try {
        const looks = await followScorers([service], events, { onLook });
        const samples = (await service.metrics()) ?? [];
        checkAllScored(samples);
        facts.backend = backendIn(samples);
        facts.risks = sumOf(samples, 'riskwire_risks_total');
        return looks;
      } finally {
        await service.stop();
      }
    },
  };
}
