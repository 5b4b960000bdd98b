import { createServer, connect as dial, type Socket } from 'node:net';

/**
 * What the way through a proxy is like. `delay`: everything comes late by `delayMs`, in its order. `halfOpen`:
 * connections stay up, new ones are taken, and nothing gets through. `refuse`: connections are closed at once.
 */
export type Way = 'open' | 'delay' | 'halfOpen' | 'refuse';

export interface TcpProxy {
  readonly port: number;
  /** how many connections are up */
  readonly connections: number;
  leadTo(port: number): void;
  set(way: Way, delayMs?: number): void;
  /** resets every connection that is up (RST, not FIN) */
  reset(): void;
  close(): Promise<void>;
}

/** A TCP proxy on 127.0.0.1 that can make the network bad between whoever connects and `leadTo`. */
export async function startProxy(): Promise<TcpProxy> {
  let target = 0;
  let way: Way = 'open';
  let delayMs = 0;
  const pairs = new Set<[Socket, Socket]>();
  const resumers = new Set<() => void>();

  const server = createServer((near) => {
    if (way === 'refuse' || target === 0) {
      near.on('error', () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = dial({ port: target, host: '127.0.0.1' });
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    forward(near, far);
    forward(far, near);
  });

  /** Chunk after chunk; what comes while the way is half open waits, and the sender with it. */
  function forward(from: Socket, to: Socket): void {
    let last: Promise<void> = Promise.resolve();
    let waiting = 0;
    from.on('data', (chunk: Buffer) => {
      waiting += 1;
      if (waiting > 8) from.pause();
      last = last.then(async () => {
        while (way === 'halfOpen' && !to.destroyed) await reopened();
        if (way === 'delay') await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (!to.destroyed) to.write(chunk);
        waiting -= 1;
        from.resume();
      });
    });
  }

  const reopened = () => new Promise<void>((resolve) => resumers.add(resolve));
  const wake = () => {
    for (const resume of resumers) resume();
    resumers.clear();
  };

  const reset = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    wake();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return pairs.size;
    },
    leadTo(port) {
      target = port;
    },
    set(next, ms = 0) {
      way = next;
      delayMs = ms;
      if (next !== 'halfOpen') wake();
      if (next === 'refuse') reset();
    },
    reset,
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
