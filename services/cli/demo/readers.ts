import { topicNames } from '../../../lib/topics.js';
import { GROUP, PREFIX } from './layout.js';
import type { Reader } from './settle.js';

/** Who has to have read what before the demo's counts are final. */
export function readersOf(pipelines: readonly { readonly topic: string }[]): {
  scorer: Reader[];
  all: Reader[];
} {
  const names = topicNames(PREFIX);
  const inputs = [...new Set(pipelines.map(({ topic }) => topic))];
  const scorer: Reader = { name: 'scorer', group: `${GROUP}-scorer`, topics: inputs };
  const alerts: Reader = { name: 'alert-api', group: `${GROUP}-alert-api`, topics: [names.risks] };
  const sink: Reader = {
    name: 'sink',
    group: `${GROUP}-sink`,
    topics: [names.risks, names.incidents, names.deliveries, names.deadLetters, names.scores],
  };
  return { scorer: [scorer], all: [scorer, alerts, sink] };
}
