// A webhook receiver in one file, with Node alone. Run it, then add its address as an endpoint:
//   RECEIVER_SECRET=whsec_… node examples/receiver/receiver.mjs
import { createServer } from 'node:http';
import { verify } from './verify.mjs';

const secret = process.env.RECEIVER_SECRET ?? '';
const host = process.env.RECEIVER_HOST ?? '127.0.0.1';
const port = Number(process.env.RECEIVER_PORT ?? 9410);
const MOST_BYTES = 64 * 1024;
const MOST_IDS = 10_000;

if (!secret.startsWith('whsec_')) {
  console.error('RECEIVER_SECRET is not a signing secret: set it to the whsec_… that POST /v1/endpoints showed');
  process.exit(2);
}

const counts = { verified: 0, rejected: 0, repeated: 0, byType: {} };
// An id comes again when our answer got lost; what it says has been done already.
const seen = new Set();

async function take(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return { status: 413, answer: 'too large' };
    chunks.push(chunk);
  }
  let event;
  try {
    event = verify(secret, request.headers, Buffer.concat(chunks));
  } catch (error) {
    counts.rejected += 1;
    return { status: 401, answer: error.message };
  }
  // In a storm one webhook tells of many changes, each under the id that it would have had alone.
  const items = event.type === 'incidents.digest' ? event.data.items : [undefined];
  counts.verified += items.length;
  if (seen.has(event.id)) {
    counts.repeated += 1;
    return { status: 200, answer: 'known already' };
  }
  seen.add(event.id);
  if (seen.size > MOST_IDS) seen.delete(seen.values().next().value);
  counts.byType[event.type] = (counts.byType[event.type] ?? 0) + 1;
  for (const item of items) if (item) console.log(JSON.stringify({ id: item.webhookId, type: item.type, severity: item.severity, entity: item.entity }));
  const { incident, sentences } = event.data;
  console.log(JSON.stringify({ id: event.id, type: event.type, severity: incident?.severity, entity: incident?.entity, why: sentences?.en }));
  return { status: 200, answer: 'thank you' };
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(counts));
    return;
  }
  const { status, answer } = await take(request).catch((error) => ({ status: 400, answer: error.message }));
  response.writeHead(status, { 'content-type': 'text/plain' }).end(answer);
});
server.listen(port, host, () => console.error(`receiving on http://${host}:${server.address().port}; GET it for the counts`));
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close(() => process.exit(0)).closeAllConnections());
