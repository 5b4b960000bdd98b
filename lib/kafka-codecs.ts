import { decompress as decodeZstd } from 'fzstd';
import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import { decodeLz4Frames } from './lz4-frame.js';

/**
 * kafkajs brings gzip only, and a batch in any other codec ends its consumer for good. All four that Kafka knows are
 * read here; gzip and snappy are written too.
 */
export function registerCodecs(): void {
  // The default import is kafkajs' own module object: the named export of the codec table isn't visible to ES modules.
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: () => Promise.reject(writeRefusal('lz4')),
    decompress: async (bytes: Buffer) => decodeLz4Frames(bytes),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(writeRefusal('zstd')),
    decompress: async (bytes: Buffer) => asBuffer(decodeZstd(bytes)),
  });
}

function writeRefusal(codec: string): Error {
  return new Error(
    `riskwire reads ${codec} but does not write it: produce with gzip, snappy or no compression`,
  );
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
