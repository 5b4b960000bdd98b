import { EventColumns } from './columns.js';
import { categoryOp } from './ops.js';

const RECENT = 8;

/** Runs one entity's values of a category through the op; whether each was new to it, by its sign against the rate. */
function newness(values: readonly string[]): boolean[] {
  const op = categoryOp('merchant', 0);
  const columns = new EventColumns(values.length, 0, 1);
  values.forEach((value, row) => {
    columns.categories[0]![row] = value;
  });
  columns.size = values.length;
  columns.hash();
  const out = new Float32Array(values.length * 2);
  op.run(
    {
      columns,
      slots: new Int32Array(values.length),
      domainSlots: new Int32Array(values.length),
      gaps: new Float64Array(values.length),
      ages: new Float64Array(values.length),
      hoursOfWeek: new Float32Array(values.length),
      entities: { data: new Float32Array(op.entityFloats), stride: op.entityFloats },
      domains: { data: new Float32Array(op.domainFloats), stride: op.domainFloats },
      out,
      width: 2,
      habits: new Float64Array(0),
    },
    0,
    0,
    0,
  );
  // 1 less the rate of new values for a new one, 0 less it for one that was there; the rate is within 0 and 1
  return values.map((_, row) => out[2 * row + 1]! > 0);
}

describe('a category that an entity used before', () => {
  it('is remembered among its last eight distinct ones, the longest unused of which drops out', () => {
    let state = 5;
    const values = Array.from({ length: 600 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return `m${Math.floor((state / 2 ** 32) ** 2 * 14)}`;
    });
    let recent: string[] = [];
    const expected = values.map((value) => {
      const isNew = !recent.includes(value);
      recent = [value, ...recent.filter((one) => one !== value)].slice(0, RECENT);
      return isNew;
    });
    expect(new Set(expected.slice(100)).size).toBe(2);
    // A first event is new by definition and says nothing; while all were new, the rate is 1 and a new one says 0.
    const from = expected.indexOf(false);
    expect(newness(values).slice(from)).toEqual(expected.slice(from));
  });
});
