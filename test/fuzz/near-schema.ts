import fc from 'fast-check';

/** The parts of JSON Schema that the API's document uses. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    '',
    -1,
    1e308,
    Number.MAX_SAFE_INTEGER + 1,
    '\u0000',
    'x'.repeat(3_000),
    [],
    {},
    '__proto__',
    '1969-12-31T00:00:00Z',
    '9999999-01-01',
  ),
);

/** Values that a schema describes, of which one in so many parts is something else. */
export function near(schema: Schema, oneIn = 12): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: oneIn, arbitrary: described(schema, oneIn) }, { weight: 1, arbitrary: odd });
}

function described(schema: Schema, oneIn: number): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => described(one, oneIn)));
  switch (schema.type) {
    case 'object':
      return object(schema, oneIn);
    case 'array':
      return fc.array(near(schema.items ?? {}, 2 * oneIn), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, Math.max(4, schema.minItems ?? 0)),
      });
    case 'string':
      return text(schema);
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? -5, -1e9),
        max: Math.min(schema.maximum ?? 1e6, 1e9),
      });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object({ properties = {}, required = [] }: Schema, oneIn: number): fc.Arbitrary<unknown> {
  const parts = Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [name, named(name, one, 2 * oneIn)]),
  );
  const whole = fc.record(parts, { requiredKeys: [...required] });
  return fc.oneof(
    { weight: oneIn, arbitrary: whole },
    { weight: 1, arbitrary: fc.record(parts, { requiredKeys: [] }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(whole, fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 2 }))
        .map(([one, more]) => ({ ...(one as object), ...more })),
    },
  );
}

/** What no schema says: an address that may be reached. */
function named(name: string, schema: Schema, oneIn: number): fc.Arbitrary<unknown> {
  const any = near(schema, oneIn);
  return name === 'url'
    ? fc.oneof(
        { weight: 5, arbitrary: fc.constant('https://example.com/hook') },
        { weight: 1, arbitrary: any },
      )
    : any;
}

function text({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  if (format === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((date) => date.toISOString());
  return fc.oneof(
    fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 40), unit: 'binary' }),
    fc
      .constantFrom('transactions', 'https://example.com/hook', 'Europe/Berlin', 'card-*', 'pipeline=*')
      .filter(({ length }) => length >= minLength && length <= maxLength),
  );
}
