import type { Producer } from 'kafkajs';
import type { PartitionScorer } from '../../detection/scoring.js';
import type { PagedState } from '../../detection/state/paged-state.js';
import { sendBatches } from '../../lib/kafka.js';
import { withRoom } from '../../lib/large-requests.js';
import type { TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import type { CheckpointDraft, CheckpointLog, Page, StatePoint, StateRecord } from './checkpoint.js';
import type { Outbox } from './outbox.js';
import type { Spill, SpilledRows } from './spill.js';

export interface CheckpointingDependencies {
  readonly producer: Producer;
  readonly names: TopicNames;
  readonly now: () => number;
  /** commits the next offset to read; false when the partition is no longer this member's, or is about to move */
  readonly commit: (topic: string, partition: number, next: string) => Promise<boolean>;
}

/** The parts of a partition's state. */
export interface CheckpointedState {
  readonly scorer: PartitionScorer;
  readonly spill: Spill;
  readonly log: CheckpointLog;
}

/**
 * With many entities a checkpoint is large: the next one is due when this partition has scored for so many times what
 * the last one took, so that checkpoints stay at about a fiftieth of the work, whatever the machine does besides. What
 * is read again after a crash grows with it, and so does the lag that the group shows, up to the second bound.
 */
const WORK_A_CHECKPOINT = 50;
const LONGEST_WAIT_MS = 20_000;
/** what sending a page takes (its checksum, the socket, the answer), in times of what making it takes; by profiles */
const SENDING = 1.5;
/** what a byte of state takes, in ms, as long as no checkpoint has been made that would say so */
const MS_A_BYTE = 3e-6;

/** Writes a partition's state to its changelog and commits its offsets, every so often, one checkpoint at a time. */
export class Checkpointing {
  readonly #pipeline: Pipeline;
  readonly #partition: number;
  readonly #intervalMs: number;
  readonly #state: CheckpointedState;
  readonly #outbox: Outbox;
  readonly #dependencies: CheckpointingDependencies;
  /** what this owner's newest checkpoint reaches to, and what it has committed */
  #written: bigint | undefined;
  #committed: bigint | undefined;
  #running: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #last = 0;
  /** ms of this process that the last checkpoint took, sending it included; undefined before the first */
  #took: number | undefined;
  /** ms that were scored since */
  #worked = 0;

  /** @param outbox what must be acked before the state that has seen it */
  constructor(
    pipeline: Pipeline,
    partition: number,
    intervalMs: number,
    state: CheckpointedState,
    outbox: Outbox,
    dependencies: CheckpointingDependencies,
  ) {
    this.#pipeline = pipeline;
    this.#partition = partition;
    this.#intervalMs = intervalMs;
    this.#state = state;
    this.#outbox = outbox;
    this.#dependencies = dependencies;
  }

  /** what a checkpoint has failed with */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /**
   * The state was restored, or there was none. Whoever wrote it may have lost the partition before its offsets were
   * committed, and may yet delete what it knows of; so this owner writes a checkpoint of its own and commits, though no
   * event may come.
   */
  restored(): void {
    this.#last = this.#dependencies.now();
  }

  get due(): boolean {
    const waited = this.#dependencies.now() - this.#last;
    if (waited < this.#intervalMs) return false;
    // A partition that rests has nothing to hold up.
    return (
      this.#worked >= WORK_A_CHECKPOINT * (this.#took ?? this.#expected) ||
      waited >= LONGEST_WAIT_MS ||
      !this.#busy(waited)
    );
  }

  /** ms that the first checkpoint will take, about */
  get #expected(): number {
    const { entities } = this.#state.scorer;
    return MS_A_BYTE * 4 * entities.stride * (entities.size + this.#state.spill.size);
  }

  /** whether most of the time since the last checkpoint went into scoring */
  #busy(waited: number): boolean {
    return this.#worked > waited / 10;
  }

  /** A micro-batch took so many ms to score. */
  worked(ms: number): void {
    this.#worked += ms;
  }

  /** Starts a checkpoint unless one is under way or nothing is new. */
  start(next: bigint | undefined, watermark: number): void {
    if (this.#running !== undefined || next === undefined || next === this.#committed) return;
    this.#last = this.#dependencies.now();
    this.#worked = 0;
    this.#running = this.#checkpoint(next, watermark)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when none is under way. */
  async done(): Promise<void> {
    await this.#running;
  }

  /**
   * The order that loses nothing: risks and dead letters acked → state acked → offsets committed. Dying between
   * any two, the events are read again from the committed offset; those below the state's own offset change
   * nothing, and the others give the same scores, and so the same ids, as before.
   */
  async #checkpoint(next: bigint, watermark: number): Promise<void> {
    const { producer, names, commit } = this.#dependencies;
    const { log } = this.#state;
    const { name, topic } = this.#pipeline;
    const partition = this.#partition;
    if (next !== this.#written) await this.#write(next, watermark);
    if (!(await commit(topic, partition, String(next)))) return;
    this.#committed = next;
    const dead = log.committed();
    if (dead.length > 0)
      await sendBatches(
        producer,
        names.state(name),
        dead.map((record) => ({ ...record, partition })),
      );
  }

  async #write(next: bigint, watermark: number): Promise<void> {
    const { producer, names } = this.#dependencies;
    const { scorer, spill, log } = this.#state;
    const topic = names.state(this.#pipeline.name);
    const whole = log.wholeDue;
    // The pages are copies, taken at once: scoring goes on while they travel.
    const pages = this.#pages(whole);
    // Rows that are not in memory stay as they are in their file until they are read.
    const spilled = spill.rowsOf(whole);
    const point: StatePoint = {
      next,
      watermark,
      model: scorer.modelId,
      budget: scorer.budgetState,
    };
    const draft = log.begin(whole);
    await this.#outbox.acked();
    const records = this.#records(draft, pages, spilled);
    try {
      await sendBatches(producer, topic, records);
    } finally {
      spilled.close();
    }
    await sendBatches(producer, topic, [{ ...draft.marker(point), partition: this.#partition }]);
    this.#written = next;
  }

  /** The records of a checkpoint's pages; those of spilled rows are made as they are sent. */
  *#records(
    draft: CheckpointDraft,
    pages: readonly Page[],
    spilled: SpilledRows,
  ): Generator<StateRecord & { partition: number }> {
    const partition = this.#partition;
    for (const page of pages) yield { ...draft.page(page), partition };
    const rest = spilled.pages();
    for (;;) {
      const started = performance.now();
      const { done, value: bytes } = rest.next();
      this.#took = (this.#took ?? 0) + (1 + SENDING) * (performance.now() - started);
      if (done === true) return;
      yield { ...draft.page({ kind: 'entities', bytes }), partition };
    }
  }

  #pages(whole: boolean): Page[] {
    const { scorer } = this.#state;
    const started = performance.now();
    scorer.flush();
    const parts = Object.entries(scorer.parts) as [Page['kind'], PagedState][];
    const pages = parts.flatMap(([kind, part]) =>
      // Domains are few, and what they know moves with every event.
      part.takePages(whole || kind === 'domains', { allocate: withRoom }).map((bytes) => ({ kind, bytes })),
    );
    this.#took = (1 + SENDING) * (performance.now() - started);
    return pages;
  }
}
