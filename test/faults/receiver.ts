import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

/** `failing`: answers 503. `silent`: nothing for as long as it lasts. `dripping`: an answer that never ends, byte by byte */
export type ReceiverMood = 'well' | 'failing' | 'silent' | 'dripping';

export interface Receiver {
  readonly url: string;
  /** how often each webhook-id came with a signature that verifies */
  readonly ids: ReadonlyMap<string, number>;
  /** requests whose signature did not verify, or ids that came with another body than before */
  readonly faults: readonly string[];
  /** whose webhooks these are; before it is set everything is refused, and so sent again */
  setSecret(secret: string): void;
  setMood(mood: ReceiverMood): void;
  close(): Promise<void>;
}

/** A webhook receiver that verifies, counts, and can be down. */
export async function startReceiver(): Promise<Receiver> {
  const ids = new Map<string, number>();
  const bodies = new Map<string, string>();
  const faults: string[] = [];
  let webhook: Webhook | undefined;
  let mood: ReceiverMood = 'well';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (mood === 'silent') return;
      if (mood === 'dripping') {
        response.writeHead(200);
        const timer = setInterval(() => response.write('.'), 100);
        response.once('close', () => clearInterval(timer));
        return;
      }
      if (webhook === undefined || mood === 'failing') {
        response.writeHead(503).end();
        return;
      }
      const id = String(request.headers['webhook-id']);
      const body = Buffer.concat(chunks).toString();
      try {
        webhook.verify(body, request.headers as Record<string, string>);
      } catch (error) {
        faults.push(`${id}: ${String(error)}`);
        response.writeHead(401).end();
        return;
      }
      if (bodies.has(id) && bodies.get(id) !== body) faults.push(`${id} came with two different bodies`);
      bodies.set(id, body);
      ids.set(id, (ids.get(id) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`,
    ids,
    faults,
    setSecret(secret) {
      webhook = new Webhook(secret);
    },
    setMood(next) {
      mood = next;
      if (next !== 'silent' && next !== 'dripping') server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
