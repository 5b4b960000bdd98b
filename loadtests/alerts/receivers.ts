import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../services/cli/demo/ports.js';

export const CONDITIONS = ['healthy', 'dead', 'slow', 'flaky'] as const;
export type Condition = (typeof CONDITIONS)[number];

export interface Receipt {
  /** the webhook-id, or that of an item of a digest */
  id: string;
  incident: string;
  /** when the risk was scored, which is when its incident changed; epoch ms */
  changedAt: number;
  /** milliseconds from then until the request was here */
  delayMs: number;
}

export interface LoadReceiver {
  readonly name: string;
  readonly url: string;
  readonly condition: Condition;
  /** what it answered 2xx to */
  readonly accepted: Receipt[];
  requests: number;
}

export interface Receivers {
  readonly all: readonly LoadReceiver[];
  /** the sick get well: the dead one listens, the slow and the flaky ones answer at once */
  recover(): Promise<void>;
  stop(): Promise<void>;
}

const SLOW_MS = 10_000;

/** Webhook receivers of one run, in this process: servers on ports of their own for the dead ones, one for all others. */
export async function startReceivers(conditions: readonly Condition[]): Promise<Receivers> {
  let well = false;
  const waiting = new Set<NodeJS.Timeout>();
  const all: (LoadReceiver & { port: number })[] = [];
  const servers: Server[] = [];

  function receive(index: number, request: IncomingMessage, response: ServerResponse): void {
    const receiver = all[index];
    if (!receiver) {
      response.writeHead(404).end();
      return;
    }
    const at = Date.now();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      receiver.requests += 1;
      const accept = () => {
        receiver.accepted.push(
          ...receiptsOf(Buffer.concat(chunks), String(request.headers['webhook-id']), at),
        );
        response.writeHead(204).end();
      };
      if (well || receiver.condition === 'healthy') accept();
      else if (receiver.condition === 'slow') {
        const timer = setTimeout(() => {
          waiting.delete(timer);
          if (!response.destroyed) accept();
        }, SLOW_MS);
        waiting.add(timer);
      } else if (receiver.condition === 'flaky' && receiver.requests % 2 === 0) accept();
      else response.writeHead(500).end();
    });
  }
  const serve = async (port: number, indexOf: (request: IncomingMessage) => number) => {
    const server = createServer((request, response) => receive(indexOf(request), request, response));
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };

  const shared = await serve(0, (request) => Number(request.url?.split('/').at(-1)));
  for (const [index, condition] of conditions.entries()) {
    const port = condition === 'dead' ? await freePort(0) : shared;
    const url = `http://127.0.0.1:${port}/hooks/${index}`;
    all.push({ name: `${condition}-${index}`, url, condition, port, accepted: [], requests: 0 });
  }
  return {
    all,
    async recover() {
      well = true;
      for (const [index, one] of all.entries())
        if (one.condition === 'dead') await serve(one.port, () => index);
    },
    async stop() {
      for (const timer of waiting) clearTimeout(timer);
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

function receiptsOf(body: Buffer, id: string, at: number): Receipt[] {
  const { timestamp, data } = JSON.parse(body.toString()) as {
    timestamp: string;
    data: { incident?: { id: string }; items?: { webhookId: string; incident: string }[] };
  };
  const changedAt = Date.parse(timestamp);
  const delayMs = at - changedAt;
  if (data.incident) return [{ id, incident: data.incident.id, changedAt, delayMs }];
  return (data.items ?? []).map((item) => ({
    id: item.webhookId,
    incident: item.incident,
    changedAt,
    delayMs,
  }));
}
