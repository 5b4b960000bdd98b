import { CheckpointLog, type Page, type StateRecord } from './checkpoint.js';

/** the records of a checkpoint with these pages */
function written(log: CheckpointLog, pages: readonly Page[], whole: boolean, at: ReturnType<typeof point>) {
  const draft = log.begin(whole);
  const records = pages.map((one) => draft.page(one));
  return { pages: records, marker: draft.marker(at) };
}

const page = (text: string): Page => ({ kind: 'entities', bytes: Buffer.from(text) });
const point = (next: number) => ({ next: BigInt(next), watermark: next * 1000, model: 'm', budget: [1, 2] });

/** a compacted partition: the newest record of each key, at its offset */
class Topic {
  readonly records = new Map<string, { offset: number; value: Buffer | null }>();
  #next = 0;
  append(records: readonly StateRecord[]) {
    for (const { key, value } of records) {
      this.records.delete(key);
      this.records.set(key, { offset: this.#next++, value });
    }
  }
  /** what a new owner knows of it */
  noted() {
    const log = new CheckpointLog();
    for (const [key, { offset, value }] of this.records)
      log.note({ key: Buffer.from(key), value, offset: String(offset) });
    return { log, found: log.newest() };
  }
  restore() {
    const { found } = this.noted();
    const laid = found?.stretches.flatMap(({ from, to, pages }) =>
      [...this.records.values()].filter(({ offset }) => offset >= from && offset < to && pages.has(offset)),
    );
    return found && { next: Number(found.point.next), pages: laid!.map(({ value }) => String(value)) };
  }
}

test('a chain of a whole checkpoint and changes comes back in order', () => {
  const topic = new Topic();
  const log = new CheckpointLog();
  expect(log.wholeDue).toBe(true);
  for (const [text, next, whole] of [
    ['whole', 10, true],
    ['a', 20, false],
    ['b', 30, false],
  ] as const) {
    const records = written(log, [page(text)], whole, point(next));
    topic.append([...records.pages, records.marker]);
    topic.append(log.committed());
  }
  expect(topic.restore()).toEqual({ next: 30, pages: ['whole', 'a', 'b'] });
});

test('a page that arrived twice, the second time behind changes that are laid over it, is laid before them', () => {
  const topic = new Topic();
  const log = new CheckpointLog();
  const whole = written(log, [page('whole'), page('more')], true, point(10));
  topic.append([...whole.pages, whole.marker]);
  const change = written(log, [page('change')], false, point(20));
  topic.append([...change.pages, change.marker, whole.pages[1]!]);
  const next = written(log, [page('next')], false, point(30));
  topic.append([...next.pages, next.marker]);
  expect(topic.restore()).toEqual({ next: 30, pages: ['whole', 'more', 'change', 'next'] });
  expect(topic.noted().found?.stretches).toHaveLength(2);
});

test('pages without their marker change nothing', () => {
  const topic = new Topic();
  const log = new CheckpointLog();
  const first = written(log, [page('whole')], true, point(10));
  topic.append([...first.pages, first.marker]);
  const second = written(log, [page('x'), page('y')], true, point(20));
  topic.append(second.pages);
  expect(topic.restore()).toEqual({ next: 10, pages: ['whole'] });
});

test('a marker whose pages are not all there is not taken', () => {
  const topic = new Topic();
  const log = new CheckpointLog();
  const first = written(log, [page('whole')], true, point(10));
  topic.append([...first.pages, first.marker]);
  const second = written(log, [page('x'), page('y')], true, point(20));
  topic.append([second.pages[0]!, second.marker]);
  expect(topic.restore()).toEqual({ next: 10, pages: ['whole'] });
});

test('what a member wrote that had lost its partition does not win over newer state, nor does it destroy it', () => {
  const topic = new Topic();
  const old = new CheckpointLog();
  const first = written(old, [page('whole')], true, point(10));
  topic.append([...first.pages, first.marker]);

  const owner = topic.noted().log;
  expect(owner.wholeDue).toBe(true);
  const newer = written(owner, [page('new whole')], true, point(40));
  topic.append([...newer.pages, newer.marker]);
  // The stale member's commit is refused by the broker, so it never gets as far as `committed`.
  const stale = written(old, [page('stale')], true, point(25));
  topic.append([...stale.pages, stale.marker]);

  expect(topic.restore()).toEqual({ next: 40, pages: ['new whole'] });
});

test('after a whole checkpoint is committed the older ones are deleted', () => {
  const topic = new Topic();
  const log = new CheckpointLog();
  for (const [text, next, whole] of [
    ['one', 10, true],
    ['d', 20, false],
    ['two', 30, true],
  ] as const) {
    const records = written(log, [page(text)], whole, point(next));
    topic.append([...records.pages, records.marker]);
    topic.append(log.committed());
  }
  expect(topic.restore()).toEqual({ next: 30, pages: ['two'] });
  expect([...topic.records.values()].filter(({ value }) => value !== null)).toHaveLength(2);
});

test('two former owners that were frozen one after the other delete nothing that a third has committed', () => {
  const topic = new Topic();
  const take = () => topic.noted().log;
  const write = (log: CheckpointLog, text: string, next: number, whole = log.wholeDue) => {
    const records = written(log, [page(text)], whole, point(next));
    topic.append(records.pages);
    return records.marker;
  };
  const first = take();
  topic.append([write(first, 'one, and long enough', 10)]);
  topic.append(first.committed());
  // Frozen with its pages acked and its marker on the way.
  const late = write(first, 'one ahead', 50);
  const second = take();
  topic.append([write(second, 'two', 45, true)]);
  // Frozen with its offsets committed and the tombstones on the way.
  const tombstones = second.committed();
  topic.append([late]);
  const third = take();
  topic.append([write(third, 'three', 60)]);
  topic.append(third.committed());
  topic.append([write(third, 'three and more', 70)]);
  topic.append(tombstones);
  expect(topic.restore()).toEqual({ next: 70, pages: ['three', 'three and more'] });
});
