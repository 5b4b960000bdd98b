import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { incompatibilities, LEVELS, type Level, parseAvro } from './schema-compatibility.js';

/** An error as Confluent's registry reports it: a code whose first three digits are the HTTP status. */
export class RegistryFault extends Error {
  override readonly name = 'RegistryFault';
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return Number(String(this.code).slice(0, 3));
  }
}

export interface Version {
  readonly version: number;
  readonly id: number;
}

interface Subject {
  versions: Version[];
  /** the next version's number: numbers are not used twice, also when versions were deleted */
  next: number;
  level?: Level;
}

interface State {
  /** schema id - 1 is the place */
  schemas: string[];
  subjects: Record<string, Subject>;
  level: Level;
}

/** Schemas and subjects, in memory; with a file, kept across starts. Avro only, without references. */
export class SchemaStore {
  private readonly ids = new Map<string, number>();
  private saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly state: State,
    private readonly file?: string,
  ) {
    for (const [place, schema] of state.schemas.entries()) this.ids.set(normal(schema), place + 1);
  }

  static async open(file?: string): Promise<SchemaStore> {
    const empty: State = { schemas: [], subjects: {}, level: 'BACKWARD' };
    if (!file || !existsSync(file)) return new SchemaStore(empty, file);
    return new SchemaStore(JSON.parse(await readFile(file, 'utf8')) as State, file);
  }

  subjects(): string[] {
    return Object.keys(this.state.subjects)
      .filter((name) => this.versions(name).length > 0)
      .sort();
  }

  /** Registers a schema under a subject. The same schema has one id everywhere, and one version in a subject. */
  async register(subject: string, schema: string): Promise<number> {
    assertAvro(schema);
    const known = this.find(subject, schema);
    if (known) return known.id;
    const reasons = incompatibilities(schema, this.schemasOf(subject), this.levelOf(subject));
    if (reasons.length > 0)
      throw new RegistryFault(
        409,
        `Schema being registered is incompatible with an earlier schema for subject "${subject}": ${reasons.join('; ')}`,
      );
    const id = this.idFor(schema);
    const entry = this.entry(subject);
    entry.versions.push({ version: entry.next, id });
    entry.next += 1;
    await this.save();
    return id;
  }

  /** The version of a subject that has this schema. */
  lookUp(subject: string, schema: string): Version {
    assertAvro(schema);
    this.existing(subject);
    const found = this.find(subject, schema);
    if (!found) throw new RegistryFault(40403, 'Schema not found');
    return found;
  }

  versionNumbers(subject: string): number[] {
    return this.existing(subject).map(({ version }) => version);
  }

  /** A version by its number or `latest`. */
  version(subject: string, which: string): Version & { schema: string } {
    const versions = this.existing(subject);
    const number = which === 'latest' ? versions.at(-1)?.version : Number(which);
    if (number === undefined || !(Number.isInteger(number) && number > 0))
      throw new RegistryFault(
        42202,
        `The specified version '${which}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
      );
    const found = versions.find(({ version }) => version === number);
    if (!found) throw new RegistryFault(40402, `Version ${which} not found.`);
    return { ...found, schema: this.schema(found.id) };
  }

  schema(id: number): string {
    const schema = this.state.schemas[id - 1];
    if (schema === undefined) throw new RegistryFault(40403, `Schema ${id} not found`);
    return schema;
  }

  uses(id: number): { subject: string; version: number }[] {
    this.schema(id);
    return this.subjects().flatMap((subject) =>
      this.versions(subject)
        .filter((version) => version.id === id)
        .map(({ version }) => ({ subject, version })),
    );
  }

  async removeSubject(subject: string): Promise<number[]> {
    const numbers = this.versionNumbers(subject);
    this.entry(subject).versions = [];
    await this.save();
    return numbers;
  }

  async removeVersion(subject: string, which: string): Promise<number> {
    const { version } = this.version(subject, which);
    const entry = this.entry(subject);
    entry.versions = entry.versions.filter((one) => one.version !== version);
    await this.save();
    return version;
  }

  /** Why a schema doesn't fit a version (`latest` counts as none in an empty subject), or all as the level asks. */
  reasonsAgainst(subject: string, schema: string, which?: string): string[] {
    assertAvro(schema);
    const level = this.levelOf(subject);
    if (which === undefined) return incompatibilities(schema, this.schemasOf(subject), level);
    if (which === 'latest' && this.versions(subject).length === 0) return [];
    return incompatibilities(schema, [this.version(subject, which).schema], level);
  }

  globalLevel(): Level {
    return this.state.level;
  }

  ownLevel(subject: string): Level | undefined {
    return this.state.subjects[subject]?.level;
  }

  async setLevel(level: unknown, subject?: string): Promise<Level> {
    const known = LEVELS.find((one) => one === level);
    if (!known)
      throw new RegistryFault(
        42203,
        `Invalid compatibility level ${JSON.stringify(level)}. Valid values are ${LEVELS.join(', ')}`,
      );
    if (subject === undefined) this.state.level = known;
    else this.entry(subject).level = known;
    await this.save();
    return known;
  }

  async unsetLevel(subject: string): Promise<void> {
    this.entry(subject).level = undefined;
    await this.save();
  }

  private levelOf(subject: string): Level {
    return this.ownLevel(subject) ?? this.state.level;
  }

  private versions(subject: string): Version[] {
    return this.state.subjects[subject]?.versions ?? [];
  }

  private existing(subject: string): Version[] {
    const versions = this.versions(subject);
    if (versions.length === 0) throw new RegistryFault(40401, `Subject '${subject}' not found.`);
    return versions;
  }

  private schemasOf(subject: string): string[] {
    return this.versions(subject).map(({ id }) => this.schema(id));
  }

  private find(subject: string, schema: string): Version | undefined {
    const id = this.ids.get(normal(schema));
    return this.versions(subject).find((version) => version.id === id);
  }

  private entry(subject: string): Subject {
    this.state.subjects[subject] ??= { versions: [], next: 1 };
    return this.state.subjects[subject];
  }

  private idFor(schema: string): number {
    const text = normal(schema);
    const known = this.ids.get(text);
    if (known !== undefined) return known;
    const id = this.state.schemas.push(schema);
    this.ids.set(text, id);
    return id;
  }

  /** One write after the other, each whole or not at all. */
  private save(): Promise<void> {
    const { file } = this;
    if (!file) return Promise.resolve();
    const text = JSON.stringify(this.state, null, 2);
    this.saving = this.saving.then(async () => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    });
    return this.saving;
  }
}

function assertAvro(schema: unknown): asserts schema is string {
  if (typeof schema !== 'string' || schema.trim() === '')
    throw new RegistryFault(42201, 'Invalid schema: empty');
  try {
    parseAvro(schema);
  } catch (error) {
    throw new RegistryFault(42201, `Invalid schema: ${(error as Error).message}`);
  }
}

/** Two texts that differ in white space alone are one schema. */
function normal(schema: string): string {
  return JSON.stringify(JSON.parse(schema));
}
