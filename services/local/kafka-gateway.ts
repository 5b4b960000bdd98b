import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { FrameReader, FrameStream } from './kafka-frames.js';

/**
 * A Kafka-aware door in front of the mock cluster, which alone would not do:
 * - it chooses its own port; clients get this one, also in what metadata and coordinator answers name;
 * - it names node 0 as the controller and has only node 1, on which kafkajs's idempotent producer fails;
 * - it answers an empty fetch after the whole wait that the client allows, even when events arrive meanwhile (kafkajs
 *   allows 5 s): the wait is shortened here, so an event is seen within MAX_WAIT_MS.
 * Everything else passes through as it is. All changes keep a frame's length.
 */
const MAX_WAIT_MS = 25;

const API = { fetch: 1, metadata: 3, findCoordinator: 10 } as const;
const REQUEST_HEAD_BYTES = 12;
const RESPONSE_HEAD_BYTES = 8;

export interface Gateway {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startGateway(upstreamPort: number, port: number): Promise<Gateway> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: upstreamPort, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    const { requests, responses } = rewrite(() => (server.address() as AddressInfo).port);
    // Either side closing or failing ends both; a client that breaks off is nothing to report.
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    pipeline(client, requests, upstream, end);
    pipeline(upstream, responses, client, end);
    client.resume();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The two directions of one connection: requests are noted so that their answers can be told apart. */
export function rewrite(publicPort: () => number): { requests: FrameStream; responses: FrameStream } {
  const awaited = new Map<number, (frame: Buffer) => void>();
  const requests = new FrameStream(REQUEST_HEAD_BYTES, (head) => {
    const api = head.readInt16BE(4);
    const version = head.readInt16BE(6);
    const correlation = head.readInt32BE(8);
    if (api === API.fetch) return (frame) => shortenWait(frame, version);
    if (api === API.metadata)
      awaited.set(correlation, (frame) => renameBrokers(frame, version, publicPort()));
    if (api === API.findCoordinator)
      awaited.set(correlation, (frame) => renameCoordinator(frame, version, publicPort()));
    return undefined;
  });
  const responses = new FrameStream(RESPONSE_HEAD_BYTES, (head) => {
    const correlation = head.readInt32BE(4);
    const edit = awaited.get(correlation);
    if (!edit) return undefined;
    return (frame) => {
      awaited.delete(correlation);
      edit(frame);
    };
  });
  return { requests, responses };
}

function shortenWait(frame: Buffer, version: number): void {
  const clientIdBytes = Math.max(0, frame.readInt16BE(REQUEST_HEAD_BYTES));
  const reader = new FrameReader(frame, REQUEST_HEAD_BYTES + 2 + clientIdBytes, version >= 12);
  reader.skipTags();
  if (version < 15) reader.int32(); // replica id
  const at = reader.position;
  frame.writeInt32BE(Math.min(reader.int32(), MAX_WAIT_MS), at);
}

function renameBrokers(frame: Buffer, version: number, port: number): void {
  const reader = new FrameReader(frame, RESPONSE_HEAD_BYTES, version >= 9);
  reader.skipTags();
  if (version >= 3) reader.int32(); // throttle time
  let controller = -1;
  for (let left = reader.arrayLength(); left > 0; left -= 1) {
    const node = reader.int32();
    if (controller === -1) controller = node;
    reader.skipString(); // host
    frame.writeInt32BE(port, reader.position);
    reader.int32();
    if (version >= 1) reader.skipString(); // rack
    reader.skipTags();
  }
  if (version >= 2) reader.skipString(); // cluster id
  if (version >= 1) frame.writeInt32BE(controller, reader.position);
}

function renameCoordinator(frame: Buffer, version: number, port: number): void {
  const reader = new FrameReader(frame, RESPONSE_HEAD_BYTES, version >= 3);
  reader.skipTags();
  if (version >= 1) reader.int32(); // throttle time
  const error = reader.int16();
  if (version >= 1) reader.skipString(); // error message
  reader.int32(); // node
  reader.skipString(); // host
  if (error === 0) frame.writeInt32BE(port, reader.position);
}
