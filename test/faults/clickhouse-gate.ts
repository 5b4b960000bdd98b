import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What the gate does with INSERTs. `diskFull`, `readOnly`: refused as ClickHouse refuses them then. `lostAnswer`:
 * done, and answered as if the disk had been full, like a part that was written before the answer failed.
 */
export type GateMood = 'open' | 'diskFull' | 'readOnly' | 'lostAnswer';

export interface ClickHouseGate {
  readonly port: number;
  /** INSERTs that were refused so far */
  readonly refused: number;
  set(mood: GateMood): void;
  close(): Promise<void>;
}

const ANSWERS = {
  diskFull: {
    code: 243,
    text: 'Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)\n',
  },
  readOnly: {
    code: 242,
    text: 'Code: 242. DB::Exception: Table is in readonly mode. (TABLE_IS_READ_ONLY)\n',
  },
} as const;

/** An HTTP server before ClickHouse's that can refuse INSERTs in its words; everything else goes through. */
export async function startClickHouseGate(target: () => string): Promise<ClickHouseGate> {
  let mood: GateMood = 'open';
  let refused = 0;

  const refuse = (response: ServerResponse, how: keyof typeof ANSWERS) => {
    refused += 1;
    const { code, text } = ANSWERS[how];
    response.writeHead(500, { 'x-clickhouse-exception-code': String(code) }).end(text);
  };
  const forward = (request: IncomingMessage, response: ServerResponse, answer: 'pass' | 'lose') => {
    const outgoing = ask(
      new URL(request.url ?? '/', target()),
      { method: request.method, headers: request.headers, agent: false },
      (incoming) => {
        incoming.on('error', () => response.destroy());
        if (answer === 'pass') {
          response.writeHead(incoming.statusCode ?? 502, incoming.headers);
          incoming.pipe(response);
          return;
        }
        incoming.resume().on('end', () => refuse(response, 'diskFull'));
      },
    );
    outgoing.on('error', () => response.destroy());
    request.on('error', () => outgoing.destroy());
    request.pipe(outgoing);
  };
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    const query = new URL(request.url ?? '/', 'http://clickhouse').searchParams.get('query') ?? '';
    if (mood === 'open' || !/^\s*INSERT\b/i.test(query)) return forward(request, response, 'pass');
    if (mood === 'lostAnswer') return forward(request, response, 'lose');
    const how = mood;
    request.resume().on('end', () => refuse(response, how));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get refused() {
      return refused;
    },
    set(next) {
      mood = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
