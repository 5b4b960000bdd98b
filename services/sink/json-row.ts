/**
 * One row as a JSON array, the way ClickHouse reads it: bytes as base64, and infinity and NaN as strings, since JSON
 * has no such numbers and JSON.stringify would turn them into null without a word.
 */
export function jsonRow(values: readonly unknown[]): string {
  return `[${values.map(jsonValue).join(',')}]`;
}

function jsonValue(value: unknown): string {
  switch (typeof value) {
    case 'number':
      if (Number.isFinite(value)) return String(value);
      return Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"';
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Uint8Array)
        return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
      if (Array.isArray(value)) return jsonRow(value);
      return `{${Object.entries(value)
        .map(([name, one]) => `${JSON.stringify(name)}:${jsonValue(one)}`)
        .join(',')}}`;
    default:
      throw new TypeError(`a ${typeof value} can't be a ClickHouse value`);
  }
}
