/**
 * How an Avro message says which schema it was written with: a schema registry's framing (a zero byte and a 4-byte id,
 * big-endian) or Avro's single-object encoding (C3 01 and the CRC-64-AVRO fingerprint, little-endian).
 */
export type Framing =
  | { kind: 'registry'; id: number; body: 5 }
  | { kind: 'singleObject'; fingerprint: string; body: 10 };

export const REGISTRY_HEADER = 5;
export const SINGLE_OBJECT_HEADER = 10;

/** undefined when the bytes have neither framing. */
export function framingOf(bytes: Buffer): Framing | undefined {
  if (bytes[0] === 0x00 && bytes.length >= REGISTRY_HEADER)
    return { kind: 'registry', id: bytes.readUInt32BE(1), body: REGISTRY_HEADER };
  if (bytes[0] === 0xc3 && bytes[1] === 0x01 && bytes.length >= SINGLE_OBJECT_HEADER) {
    return {
      kind: 'singleObject',
      fingerprint: bytes.readBigUInt64LE(2).toString(16).padStart(16, '0'),
      body: SINGLE_OBJECT_HEADER,
    };
  }
  return undefined;
}

export function registryHeader(id: number): Buffer {
  const header = Buffer.alloc(REGISTRY_HEADER);
  header.writeUInt32BE(id, 1);
  return header;
}

export function singleObjectHeader(fingerprint: string): Buffer {
  const header = Buffer.alloc(SINGLE_OBJECT_HEADER);
  header.writeUInt16BE(0xc301, 0);
  header.writeBigUInt64LE(BigInt(`0x${fingerprint}`), 2);
  return header;
}
