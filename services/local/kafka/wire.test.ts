import { Writer } from './wire.js';

test('a frame that fills many blocks holds what was written', () => {
  const writer = new Writer().int32(42);
  const values = Array.from({ length: 50_000 }, (_, index) => index);
  writer.array(values, (value, out) =>
    out
      .int32(value)
      .int16(value % 1000)
      .int64(value),
  );
  const frame = Buffer.concat(writer.frame());
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  expect(frame.readInt32BE(4)).toBe(42);
  const found = values.map((value) => {
    const at = 12 + value * 14;
    return [frame.readInt32BE(at), frame.readInt16BE(at + 4), Number(frame.readBigInt64BE(at + 6))];
  });
  expect(found).toEqual(values.map((value) => [value, value % 1000, value]));
});
