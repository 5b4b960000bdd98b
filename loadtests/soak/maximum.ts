import { formatCount } from '../../services/cli/format.js';
import { startProgress } from '../../services/cli/progress.js';
import { steady } from '../looks.js';
import { CONTENDER_CORE } from '../machine.js';
import type { LoadtestOptions } from '../options.js';
import { followScorers, startScorerService } from '../processes/scorer-service.js';
import type { Stage } from '../stage.js';
import { fillTopic } from '../streams/feed.js';

/** What the scorer does a second on one core with a topic that was filled ahead of time; or what is given for it. */
export async function maximumRate(stage: Stage, options: LoadtestOptions): Promise<number> {
  if (options.max !== undefined) return options.max;
  const { events, cards, partitions, backend } = options;
  // The topic that the pipeline reads is the measurement's own; this one is made anew after it.
  const topic = 'transactions';
  await fillTopic(stage, { topic, partitions, events, stream: { kind: 'payments', cards } });
  const service = await startScorerService({
    brokers: stage.kafka.brokers,
    folder: stage.folder,
    machine: stage.machine,
    cores: [CONTENDER_CORE],
    pipeline: 'transactions',
    env: { RISKWIRE_BACKEND: backend },
  });
  try {
    const progress = startProgress('the maximum');
    const looks = await followScorers([service], events, {
      onLook: ({ done }) => progress.update(done, events),
    });
    const { eventsPerSecond } = steady(looks, events);
    stage.say(`the maximum is ${formatCount(eventsPerSecond)} events/s`);
    return eventsPerSecond;
  } finally {
    await service.stop();
  }
}
