/**
 * A receiver of Riskwire's webhooks in TypeScript, with nothing but Node.
 *
 *   RECEIVER_SECRET=whsec_… npx tsx examples/receiver-typescript/receiver.ts
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

const TOLERANCE_SECONDS = 300;
const MOST_BYTES = 1 << 20;

export interface Webhook {
  type: string;
  timestamp: string;
  data: unknown;
}

/** Checks a webhook by Standard Webhooks and returns what it says. `body` are the exact bytes that came. */
export function verify(secret: string, headers: IncomingHttpHeaders, body: Buffer, now = Date.now()): Webhook {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string')
    throw new Error('one of webhook-id, webhook-timestamp, webhook-signature is missing');
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS))
    throw new Error('webhook-timestamp is too far from this clock');
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // During a rotation there are two signatures; one of them is by our secret.
  const genuine = signatures.split(' ').some((one) => {
    const [version, value = ''] = one.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!genuine) throw new Error('no signature of webhook-signature is by this secret');
  return JSON.parse(body.toString()) as Webhook;
}

/** Answers 204 to what is genuine and hands each webhook-id on once. */
export function createReceiver(secret: string, onWebhook: (id: string, webhook: Webhook) => void): Server {
  const seen = new Set<string>();
  return createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > MOST_BYTES) throw new Error('the body is too large');
        chunks.push(chunk);
      }
      const webhook = verify(secret, request.headers, Buffer.concat(chunks));
      const id = String(request.headers['webhook-id']);
      if (!seen.has(id)) {
        seen.add(id); // the same id is the same change, sent again
        onWebhook(id, webhook);
      }
      response.writeHead(204).end();
    } catch (error) {
      console.error('refused:', error instanceof Error ? error.message : error);
      response.writeHead(401).end();
    }
  });
}

if (process.env['RECEIVER_SECRET']) {
  const port = Number(process.env['RECEIVER_PORT'] ?? 9410);
  createReceiver(process.env['RECEIVER_SECRET'], (id, { type }) => console.log(type, id)).listen(port, '127.0.0.1', () =>
    console.log(`listening on http://127.0.0.1:${port}`),
  );
}
