import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Api, type Broker, HOST } from './api.js';
import { CLUSTER_APIS } from './api-cluster.js';
import { DATA_APIS } from './api-data.js';
import { GROUP_APIS } from './api-groups.js';
import { ERROR } from './errors.js';
import { Groups } from './groups.js';
import { Topics } from './topics.js';
import { MalformedRequest, Reader, Writer } from './wire.js';

const MAX_REQUEST_BYTES = 100 * 1024 * 1024;
const API_VERSIONS_KEY = 18;

const apiVersions: Api = {
  key: API_VERSIONS_KEY,
  versions: [0, 2],
  handle({ version, out }) {
    out.int16(ERROR.NONE);
    writeVersions(out);
    if (version >= 1) out.int32(0); // throttle time
  },
};

const APIS: ReadonlyMap<number, Api> = new Map(
  [apiVersions, ...DATA_APIS, ...CLUSTER_APIS, ...GROUP_APIS].map((api) => [api.key, api]),
);

function writeVersions(out: Writer): void {
  out.array([...APIS.values()], ({ key, versions: [from, to] }) => out.int16(key).int16(from).int16(to));
}

export interface KafkaServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A Kafka broker in memory. */
export async function startKafkaServer(port: number): Promise<KafkaServer> {
  const stopping = new AbortController();
  const sockets = new Set<Socket>();
  let producerId = 0;
  const broker = {
    topics: new Topics(),
    groups: new Groups(),
    port: 0,
    clusterId: `riskwire-local-${randomUUID().slice(0, 8)}`,
    stopping: stopping.signal,
    nextProducerId: () => producerId++,
  } satisfies Broker;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveConnection(socket, broker);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  broker.port = (server.address() as AddressInfo).port;
  return {
    port: broker.port,
    async stop() {
      stopping.abort();
      broker.groups.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/**
 * Answers a connection's requests one after the other, as Kafka does: while a fetch or a join waits, what comes behind
 * it on the same connection waits too, and the socket is not read.
 */
async function serveConnection(socket: Socket, broker: Broker): Promise<void> {
  const members = new Map<string, string>();
  socket.on('error', () => {}); // reset by the client: `close` follows
  socket.once('close', () => {
    for (const [group, member] of members) broker.groups.get(group)?.lost(member);
  });
  try {
    for await (const frame of frames(socket)) {
      const parts = await answer(frame, broker, (group, member) => members.set(group, member));
      if (socket.destroyed) return;
      socket.cork();
      let drained = true;
      for (const part of parts) drained = socket.write(part);
      socket.uncork();
      if (!drained) await drain(socket);
    }
  } catch (error) {
    if (!socket.destroyed && !(error instanceof MalformedRequest))
      process.stderr.write(`${(error as Error).stack}\n`);
    socket.destroy();
  }
}

function drain(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      socket.off('drain', end).off('close', end);
      resolve();
    };
    socket.once('drain', end).once('close', end);
  });
}

async function answer(
  frame: Buffer,
  broker: Broker,
  speaksFor: (group: string, member: string) => void,
): Promise<Buffer[]> {
  const reader = new Reader(frame);
  const key = reader.int16();
  const version = reader.int16();
  const out = new Writer().int32(reader.int32()); // correlation id
  const clientId = reader.nullableString() ?? '';
  const api = APIS.get(key);
  const known = api && version >= api.versions[0] && version <= api.versions[1];
  if (!known) {
    // Only this request may come in a version that isn't known: it is how a client learns which are.
    if (key !== API_VERSIONS_KEY)
      throw new MalformedRequest(`request ${key} in version ${version} is not known`);
    out.int16(ERROR.UNSUPPORTED_VERSION);
    writeVersions(out);
    return out.frame();
  }
  const answered = await api.handle({ broker, version, clientId, speaksFor, in: reader, out });
  return answered === 'unanswered' ? [] : out.frame();
}

/** Cuts what comes into requests. Chunks are joined once a request is whole. */
async function* frames(socket: Socket): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size < 4 || size < wantedBytes(chunks)) continue;
    let rest = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    while (rest.length >= 4) {
      const length = rest.readInt32BE(0);
      if (length < 8 || length > MAX_REQUEST_BYTES)
        throw new MalformedRequest(`a request of ${length} bytes`);
      if (rest.length < length + 4) break;
      yield rest.subarray(4, length + 4);
      rest = rest.subarray(length + 4);
    }
    chunks = rest.length > 0 ? [rest] : [];
    size = rest.length;
  }
}

/** How long the first request is, its length field included. */
function wantedBytes(chunks: readonly Buffer[]): number {
  const head = chunks[0]!.length >= 4 ? chunks[0]! : Buffer.concat(chunks);
  return head.readInt32BE(0) + 4;
}
