/**
 * What `produce` gives one by one, for a loop to take: `give` waits until the loop comes back for more. When the loop
 * ends early, `give` throws, so that `produce` can close what it holds.
 */
export async function* relay<T>(
  produce: (give: (item: T) => Promise<void>) => Promise<void>,
): AsyncGenerator<T> {
  interface Offer {
    readonly item: T;
    readonly taken: () => void;
    readonly refused: (error: Error) => void;
  }
  let offer: Offer | undefined;
  let wake = (): void => undefined;
  let ended = false;
  let stopped = false;
  const done = produce(
    (item) =>
      new Promise((taken, refused) => {
        if (stopped) return refused(new RelayStopped());
        offer = { item, taken, refused };
        wake();
      }),
  ).finally(() => {
    ended = true;
    wake();
  });
  // its failure is met by the await below
  done.catch(() => undefined);
  let current: Offer | undefined;
  try {
    for (;;) {
      while (offer === undefined && !ended)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      current = offer;
      offer = undefined;
      if (current === undefined) break;
      yield current.item;
      current.taken();
    }
    await done;
  } finally {
    stopped = true;
    current?.refused(new RelayStopped());
    offer?.refused(new RelayStopped());
    await done.catch((error: unknown) => {
      if (!(error instanceof RelayStopped)) throw error;
    });
  }
}

class RelayStopped extends Error {
  override readonly name = 'RelayStopped';
  constructor() {
    super('the reader of this stopped before its end');
  }
}
