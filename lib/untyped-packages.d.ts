/** Types for packages that bring none: only what is used here. */
declare module 'lz4js' {
  /** unpacks the block at source[sourceAt, sourceAt+length) into target from targetAt on; returns where it ended */
  export function decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    sourceAt: number,
    length: number,
    targetAt: number,
  ): number;
  /** one frame */
  export function compress(source: Uint8Array): Uint8Array;
}

declare module 'kafkajs-snappy' {
  const snappy: () => {
    compress(encoder: unknown): Promise<Buffer>;
    decompress(bytes: Buffer): Promise<Buffer>;
  };
  export default snappy;
}

declare module 'kafkajs/src/consumer/batch.js' {
  import type { KafkaMessage } from 'kafkajs';
  /** what the consumer hands to eachBatch: drops records before the asked offset, control records and aborted transactions */
  export default class Batch {
    constructor(topic: string, fetchedOffset: string, partitionData: object);
    readonly messages: KafkaMessage[];
    isEmpty(): boolean;
    isEmptyIncludingFiltered(): boolean;
    isEmptyDueToFiltering(): boolean;
    isEmptyControlRecord(): boolean;
    isEmptyDueToLogCompactedMessages(): boolean;
    firstOffset(): string | null;
    lastOffset(): string;
    offsetLag(): string;
    offsetLagLow(): string;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: Buffer);
    readInt16(): number;
    readInt32(): number;
    readInt64(): { toString(): string };
    readString(): string;
    readBytes(size: number): Buffer;
    canReadBytes(size: number): boolean;
    readArray<T>(reader: (decoder: Decoder) => T): T[];
    readArrayAsync<T>(reader: (decoder: Decoder) => Promise<T>): Promise<T[]>;
  }
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js';
  export default function decodeRecordBatch(decoder: Decoder): Promise<{ records: unknown[] }>;
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode(raw: Buffer): Promise<unknown>; parse(data: unknown): Promise<unknown> };
  export default response;
}

declare module 'kafkajs/src/protocol/message/compression/index.js' {
  /** undefined or null for batches that aren't compressed */
  export function lookupCodecByAttributes(
    attributes: number,
  ): { decompress(bytes: Buffer): Promise<Buffer> } | null | undefined;
}

declare module 'kafkajs/src/protocol/recordBatch/v0/index.js' {
  export function RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0/index.js' {
  export default function encodeRecord(record: object): unknown;
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    constructor(size?: number);
    buf: Buffer;
    offset: number;
    readonly buffer: Buffer;
    writeEncoder(body: Encoder): this;
  }
}

declare module 'kafkajs/src/protocol/request.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  /** a request as it goes over the wire, with its length and head */
  export default function createRequest(asked: {
    correlationId: number;
    clientId: string;
    request: object;
  }): Promise<Encoder>;
}

declare module 'kafkajs/src/protocol/requests/fetch/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  type Fetch = {
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly object[] }[];
  };
  type Made = {
    readonly request: { encode(): Promise<Encoder> };
    readonly response: { decode(raw: Buffer): Promise<unknown> };
  };
  const fetchApi: { protocol: (version: { version: string }) => (asked: Fetch) => Made };
  export default fetchApi;
}

declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  type Make = (asked: object) => { request: { encode(): Promise<Encoder> }; response: unknown };
  const produce: { protocol: (version: { version: number }) => Make };
  export default produce;
}

declare module 'kafkajs/src/protocol/recordBatch/crc32C/index.js' {
  export default function crc32C(bytes: Buffer): number;
}

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net';

  /** one connection to a broker, opened again after it broke */
  export default class Connection {
    constructor(options: Record<string, unknown>);
    socket: Socket | undefined;
    chunks: Buffer[];
    bytesBuffered: number;
    bytesNeeded: number;
    readonly requestQueue: { fulfillRequest(response: { correlationId: number; payload: Buffer }): void };
    isConnected(): boolean;
    connect(): Promise<boolean>;
    disconnect(): Promise<boolean>;
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function createSocketFactory(): unknown;
}
