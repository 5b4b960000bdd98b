import { type Field, type Found, Schemas, Unknown } from './field-types.js';

/**
 * Reads some fields of Avro records straight from their bytes, by a program made from the writer's schema: no object
 * an event, and no value for a field that nobody wants. It takes a record only when it is sure what avsc would make of
 * it; at anything else (bytes that end early, a branch or symbol that isn't there, a number that a double can't hold) it
 * says so, and the record is for avsc to judge. Schemas with more in them than it knows get no program at all.
 */
export interface FieldReader {
  /** Reads the record in bytes[at, end) into `values`; false: let avsc decode it. */
  read(bytes: Buffer, at: number, end: number, values: FieldValues): boolean;
}

/** what a field holds: neither a number nor a text (null, or a default that is none) … */
export const NOTHING = 0;
export const NUMBER = 1;
/** … a text in the bytes, from `starts` to `ends` … */
export const TEXT = 2;
/** … or a text that the schema knows: a symbol of an enum, a default; it is in `texts` */
export const KNOWN_TEXT = 3;

/** The wanted fields of one record, by their place in the list of wanted fields. */
export class FieldValues {
  readonly kinds: Uint8Array;
  readonly numbers: Float64Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly texts: string[];

  constructor(fields: number) {
    this.kinds = new Uint8Array(fields);
    this.numbers = new Float64Array(fields);
    this.starts = new Int32Array(fields);
    this.ends = new Int32Array(fields);
    this.texts = new Array<string>(fields).fill('');
  }
}

const SKIP_VARINT = 0;
const SKIP_SIZED = 1;
const SKIP_BYTES = 2;
const SKIP_ENUM = 3;
const READ_VARINT = 4;
const READ_FLOAT = 5;
const READ_DOUBLE = 6;
const READ_TEXT = 7;
const READ_ENUM = 8;
const READ_NOTHING = 9;
const UNION = 10;
const GO_ON = 11;

/**
 * Steps in the order of the bytes, three numbers each: what to do, the wanted field's place, and what the step needs
 * besides. The branches of a union stand behind it; where each begins is in a list, and each ends with going on behind
 * the last.
 */
type Program = number[];
const STEP = 3;

/**
 * The program for records of `writer` whose fields `wanted` are read as `reader` has them; undefined when avsc must.
 * Only for a writer that avsc resolves into the reader.
 */
export function fieldReader(
  writer: unknown,
  reader: unknown,
  wanted: readonly string[],
): FieldReader | undefined {
  try {
    return compile(writer, reader, wanted);
  } catch (error) {
    if (error instanceof Unknown) return undefined;
    throw error;
  }
}

function compile(writer: unknown, reader: unknown, wanted: readonly string[]): FieldReader {
  const from = new Schemas();
  const into = new Schemas();
  const written = from.look(writer, '');
  const read = into.look(reader, '');
  if (written.type !== 'record' || read.type !== 'record') throw new Unknown();
  const targets = new Map<string, { place: number; field: Field }>();
  const values: { place: number; value: unknown }[] = [];
  wanted.forEach((name, place) => {
    const field = read.fields.find((one) => one.name === name);
    if (field === undefined) throw new Unknown();
    const names = [field.name, ...(field.aliases ?? [])];
    const matches = written.fields.filter((one) => names.includes(one.name));
    if (matches.length > 1) throw new Unknown();
    if (matches.length === 1) targets.set(matches[0]!.name, { place, field });
    else values.push({ place, value: defaultOf(field, into, read.space) });
  });
  const compiler = new Compiler(from, into, read.space);
  const program: Program = [];
  for (const { name, type } of written.fields) {
    const target = targets.get(name);
    if (target === undefined) compiler.skip(program, type, written.space);
    else compiler.read(program, type, written.space, target.place, target.field.type);
  }
  return new Interpreter(Int32Array.from(program), compiler.tables, compiler.unions, values);
}

/** A default as avsc gives it, where that is a number, a text or nothing. */
function defaultOf(field: Field, schemas: Schemas, space: string): unknown {
  const value = field.default;
  if (value === undefined) throw new Unknown();
  if (value === null || typeof value === 'number') return value;
  if (typeof value !== 'string') throw new Unknown();
  // The default of a union is of its first branch.
  const type = Array.isArray(field.type) ? (field.type[0] as unknown) : field.type;
  const found = schemas.look(type, space);
  if (found.type !== 'string' && found.type !== 'enum') throw new Unknown();
  return value;
}

/** types that a program is made of at most: a named one counts each time that it is used, and may double with every use */
const MOST_TYPES = 10_000;

class Compiler {
  /** symbols of enums */
  readonly tables: string[][] = [];
  /** where the branches of unions begin */
  readonly unions: number[][] = [];
  #types = 0;

  constructor(
    private readonly from: Schemas,
    private readonly into: Schemas,
    private readonly readerSpace: string,
  ) {}

  #add(program: Program, step: number, target = 0, arg = 0): void {
    program.push(step, target, arg);
  }

  skip(program: Program, schema: unknown, space: string): void {
    if (++this.#types > MOST_TYPES) throw new Unknown();
    if (Array.isArray(schema)) {
      this.#union(program, schema, (branch, type) => this.skip(branch, type, space));
      return;
    }
    const found = this.from.look(schema, space);
    switch (found.type) {
      case 'null':
        return;
      case 'boolean':
        this.#add(program, SKIP_BYTES, 0, 1);
        return;
      case 'int':
      case 'long':
        this.#add(program, SKIP_VARINT);
        return;
      case 'float':
        this.#add(program, SKIP_BYTES, 0, 4);
        return;
      case 'double':
        this.#add(program, SKIP_BYTES, 0, 8);
        return;
      case 'bytes':
      case 'string':
        this.#add(program, SKIP_SIZED);
        return;
      case 'fixed':
        this.#add(program, SKIP_BYTES, 0, found.size);
        return;
      case 'enum':
        this.#add(program, SKIP_ENUM, 0, found.symbols.length);
        return;
      case 'record':
        for (const field of found.fields) this.skip(program, field.type, found.space);
    }
  }

  read(program: Program, schema: unknown, space: string, target: number, reader: unknown): void {
    if (Array.isArray(schema)) {
      this.#union(program, schema, (branch, type) => this.read(branch, type, space, target, reader));
      return;
    }
    const found = this.from.look(schema, space);
    switch (found.type) {
      case 'null':
        this.#add(program, READ_NOTHING, target);
        return;
      case 'int':
      case 'long':
        this.#add(program, READ_VARINT, target);
        return;
      case 'float':
        this.#add(program, READ_FLOAT, target);
        return;
      case 'double':
        this.#add(program, READ_DOUBLE, target);
        return;
      case 'string':
        // Where the reader could take it for bytes, its value is a buffer.
        if (this.#readerTypes(reader).some(({ type }) => type === 'bytes')) throw new Unknown();
        this.#add(program, READ_TEXT, target);
        return;
      case 'enum': {
        const enums = this.#readerTypes(reader).filter((one) => one.type === 'enum');
        // A symbol that the reader lacks becomes its default.
        if (enums.length !== 1 || !found.symbols.every((symbol) => enums[0]!.symbols.includes(symbol)))
          throw new Unknown();
        this.tables.push(found.symbols);
        this.#add(program, READ_ENUM, target, this.tables.length - 1);
        return;
      }
      default:
        throw new Unknown();
    }
  }

  #readerTypes(schema: unknown): Found[] {
    const branches: unknown[] = Array.isArray(schema) ? schema : [schema];
    return branches.map((branch) => this.into.look(branch, this.readerSpace));
  }

  #union(
    program: Program,
    branches: readonly unknown[],
    make: (branch: Program, type: unknown) => void,
  ): void {
    const begins: number[] = [];
    this.unions.push(begins);
    this.#add(program, UNION, 0, this.unions.length - 1);
    const ends = branches.map((type) => {
      begins.push(program.length);
      make(program, type);
      this.#add(program, GO_ON);
      return program.length;
    });
    for (const end of ends) program[end - 1] = program.length;
  }
}

/** The bytes that were read last, of all readers, so that no more than these are held. */
let viewed: Buffer = Buffer.alloc(0);
let view: DataView = new DataView(viewed.buffer);

function viewOf(bytes: Buffer): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return view;
}

class Interpreter implements FieldReader {
  readonly #program: Int32Array;
  readonly #tables: readonly (readonly string[])[];
  readonly #unions: readonly (readonly number[])[];
  readonly #values: readonly { place: number; value: unknown }[];
  /** where the varint ended that was read last */
  #after = 0;

  constructor(
    program: Int32Array,
    tables: readonly (readonly string[])[],
    unions: readonly (readonly number[])[],
    values: readonly { place: number; value: unknown }[],
  ) {
    this.#program = program;
    this.#tables = tables;
    this.#unions = unions;
    this.#values = values;
  }

  read(bytes: Buffer, at: number, end: number, values: FieldValues): boolean {
    for (let i = 0; i < this.#values.length; i++) {
      const { place, value } = this.#values[i]!;
      values.kinds[place] =
        typeof value === 'number' ? NUMBER : typeof value === 'string' ? KNOWN_TEXT : NOTHING;
      if (typeof value === 'number') values.numbers[place] = value;
      else if (typeof value === 'string') values.texts[place] = value;
    }
    return this.#run(bytes, at, end, values) === end;
  }

  /** Where the record ends; -1 after something that avsc is to judge. */
  #run(bytes: Buffer, start: number, end: number, values: FieldValues): number {
    const program = this.#program;
    const { kinds, numbers, starts, ends, texts } = values;
    let at = start;
    for (let step = 0; step < program.length; step += STEP) {
      const what = program[step]!;
      const target = program[step + 1]!;
      const arg = program[step + 2]!;
      switch (what) {
        case SKIP_BYTES:
          at += arg;
          break;
        case READ_FLOAT:
          if (at + 4 > end) return -1;
          kinds[target] = NUMBER;
          numbers[target] = viewOf(bytes).getFloat32(at, true);
          at += 4;
          break;
        case READ_DOUBLE:
          if (at + 8 > end) return -1;
          kinds[target] = NUMBER;
          numbers[target] = viewOf(bytes).getFloat64(at, true);
          at += 8;
          break;
        case READ_NOTHING:
          kinds[target] = NOTHING;
          break;
        case GO_ON:
          step = arg - STEP;
          break;
        default: {
          // All others begin with a varint, most often one of one byte.
          if (at >= end) return -1;
          const byte = bytes[at]!;
          let value: number;
          if (byte < 0x80) {
            value = (byte >>> 1) ^ -(byte & 1);
            at++;
          } else {
            value = this.#varint(bytes, at, end);
            at = this.#after;
          }
          switch (what) {
            case SKIP_VARINT:
              if (!Number.isFinite(value)) return -1;
              break;
            case SKIP_SIZED:
              if (!(value >= 0)) return -1;
              at += value;
              break;
            case SKIP_ENUM:
              if (!(value >= 0 && value < arg)) return -1;
              break;
            case READ_VARINT:
              if (!Number.isFinite(value)) return -1;
              kinds[target] = NUMBER;
              numbers[target] = value;
              break;
            case READ_TEXT:
              if (!(value >= 0)) return -1;
              kinds[target] = TEXT;
              starts[target] = at;
              at += value;
              ends[target] = at;
              break;
            case READ_ENUM: {
              const symbols = this.#tables[arg]!;
              if (!(value >= 0 && value < symbols.length)) return -1;
              kinds[target] = KNOWN_TEXT;
              texts[target] = symbols[value]!;
              break;
            }
            case UNION: {
              const branch = this.#unions[arg]![value];
              if (branch === undefined) return -1;
              step = branch - STEP;
            }
          }
        }
      }
      if (at > end) return -1;
    }
    return at;
  }

  /** A zig-zag varint of two to seven bytes, 49 bits; NaN for a longer one, or one that doesn't end. */
  #varint(bytes: Buffer, start: number, end: number): number {
    let at = start;
    let value = 0;
    let scale = 1;
    let byte: number;
    do {
      if (at >= end || scale > 2 ** 42) return Number.NaN;
      byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    this.#after = at;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
