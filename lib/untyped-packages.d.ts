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
  }
}
