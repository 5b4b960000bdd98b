import type { Patch } from './program.js';

const FLOW = 'dist/services/scorer/checkpointing.js';

/**
 * Programs whose order rule is broken on purpose, to see that the suite finds it. A local broker acks within a few
 * milliseconds, in which a kill hardly ever falls; so what is done too late here is as late as with a slow broker.
 */
export const BROKEN: Readonly<Record<string, readonly Patch[]>> = {
  'commit-before-state': [
    {
      file: FLOW,
      from: 'await this.#outbox.acked();\n        const records',
      to: `await this.#outbox.acked();
        await this.#dependencies.commit(this.#pipeline.topic, this.#partition, String(next));
        await new Promise((resolve) => setTimeout(resolve, 700));
        const records`,
    },
    // A scorer that finds the group ahead of its state reads from its state's own offset: that alone would heal it.
    {
      file: 'dist/services/scorer/scorer.js',
      from: 'return next !== undefined && BigInt(fetchedOffset) > next;',
      to: 'return false;',
    },
  ],
  'commit-before-risks': [
    { file: FLOW, from: 'await this.#outbox.acked();\n        const records', to: 'const records' },
    {
      file: 'dist/services/scorer/outbox.js',
      from: 'await send();',
      to: '{ await new Promise((resolve) => setTimeout(resolve, 700)); await send(); }',
    },
  ],
};
