import { jsonRow } from './json-row.js';

test('a row is a JSON array; bytes are base64', () => {
  expect(JSON.parse(jsonRow(['a"\n', 1.5, true, null, new Uint8Array([0, 255]), { 温: [1, null] }]))).toEqual(
    ['a"\n', 1.5, true, null, 'AP8=', { 温: [1, null] }],
  );
});

test('numbers that JSON lacks are written so that ClickHouse reads them, not as null', () => {
  expect(jsonRow([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(
    '["nan","inf","-inf"]',
  );
});

test('a slice of a larger buffer is its own bytes alone', () => {
  expect(jsonRow([new Uint8Array([1, 2, 3, 4]).subarray(1, 3)])).toBe('["AgM="]');
});

test('a value that no column can hold is an error', () => {
  expect(() => jsonRow([undefined])).toThrow(TypeError);
});
