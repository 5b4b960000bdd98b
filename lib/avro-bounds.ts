/**
 * Checks that bytes can hold the arrays and maps that they announce. avsc reads a block's count and then so many items,
 * also past the end of the bytes: five bytes that say "300 million strings" keep it busy for seconds, and ten for ever.
 * Here every item takes a byte at least (see schema-safety.ts), so a walk ends with the bytes.
 */
export type BoundsCheck = (bytes: Buffer, at: number) => boolean;

/** undefined when the schema has neither arrays nor maps, and needs no check. */
export function boundsCheck(schema: unknown): BoundsCheck | undefined {
  const builder = new WalkBuilder();
  const walk = builder.build(schema, '');
  return builder.repeats ? (bytes, at) => walk(bytes, at) >= 0 : undefined;
}

/** Passes over one value: where it ends, -1 when the bytes end first. */
type Walk = (bytes: Buffer, at: number) => number;

const PRIMITIVES: Readonly<Record<string, Walk>> = {
  null: (_bytes, at) => at,
  boolean: fixed(1),
  int: skipLong,
  long: skipLong,
  float: fixed(4),
  double: fixed(8),
  bytes: skipSized,
  string: skipSized,
};

class WalkBuilder {
  repeats = false;
  private readonly named = new Map<string, Walk>();

  build(schema: unknown, namespace: string): Walk {
    if (typeof schema === 'string') return PRIMITIVES[schema] ?? this.lookUp(schema, namespace);
    if (Array.isArray(schema)) return union(schema.map((branch) => this.build(branch, namespace)));
    const { type, items, values, fields, name, namespace: own, size } = schema as Record<string, unknown>;
    if (type === 'array') return this.blocks(this.build(items, namespace));
    if (type === 'map') {
      const value = this.build(values, namespace);
      return this.blocks((bytes, at) => then(skipSized(bytes, at), (next) => value(bytes, next)));
    }
    if (type !== 'record' && type !== 'error' && type !== 'enum' && type !== 'fixed')
      return this.build(type, namespace);
    const full = fullName(String(name), typeof own === 'string' ? own : namespace);
    const walk =
      type === 'enum' ? skipLong : type === 'fixed' ? fixed(Number(size)) : this.record(fields, full);
    this.named.set(full, walk);
    return walk;
  }

  private lookUp(name: string, namespace: string): Walk {
    const walk = this.named.get(fullName(name, namespace));
    if (!walk) throw new TypeError(`the schema uses ${name} before it says what it is`);
    return walk;
  }

  private record(fields: unknown, full: string): Walk {
    const inner = full.slice(0, Math.max(0, full.lastIndexOf('.')));
    const walks = (fields as { type: unknown }[]).map((field) => this.build(field.type, inner));
    return (bytes, at) => {
      let next = at;
      for (const walk of walks) {
        next = walk(bytes, next);
        if (next < 0) return -1;
      }
      return next;
    };
  }

  private blocks(item: Walk): Walk {
    this.repeats = true;
    return (bytes, at) => {
      let next = at;
      for (;;) {
        const header = readLong(bytes, next);
        next = header.next;
        if (next < 0) return -1;
        if (header.value === 0) return next;
        // A negative count is followed by the block's size in bytes.
        if (header.value < 0) next = skipLong(bytes, next);
        for (let left = Math.abs(header.value); left > 0 && next >= 0; left -= 1) next = item(bytes, next);
        if (next < 0) return -1;
      }
    };
  }
}

function union(branches: readonly Walk[]): Walk {
  return (bytes, at) => {
    const { value, next } = readLong(bytes, at);
    const branch = branches[value];
    return next < 0 || !branch ? -1 : branch(bytes, next);
  };
}

function fixed(size: number): Walk {
  return (bytes, at) => (at + size <= bytes.length ? at + size : -1);
}

function skipLong(bytes: Buffer, at: number): number {
  return readLong(bytes, at).next;
}

function skipSized(bytes: Buffer, at: number): number {
  const { value, next } = readLong(bytes, at);
  return next >= 0 && value >= 0 && next + value <= bytes.length ? next + value : -1;
}

/** A zig-zag varint. Counts and sizes beyond 2^53 are as good as any other that is too large. */
function readLong(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + 10; i += 1) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value: value % 2 === 0 ? value / 2 : -(value + 1) / 2, next: i + 1 };
    scale *= 128;
  }
  return { value: 0, next: -1 };
}

function then(at: number, next: (at: number) => number): number {
  return at < 0 ? -1 : next(at);
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}
