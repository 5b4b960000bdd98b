import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/** Version of the package format; a package of another version is refused with a word on what to do. */
export const PACKAGE_FORMAT = 1;

/**
 * manifest.json of a model package: everything needed to run and judge the model besides its weights. The weights
 * are in weights.bin, float32 little-endian, at the places that `tensors` names.
 */
export const Manifest = Type.Object({
  format: Type.Integer(),
  id: Type.String({ minLength: 1 }),
  pipeline: Type.String({ minLength: 1 }),
  createdAt: Type.String(),
  /** SHA-256 of the feature plan and the reader schema's used fields: the model fits this pipeline and no other */
  fingerprint: Type.String(),
  features: Type.Array(Type.String()),
  sensors: Type.Array(Type.String()),
  /** domains that it was trained on, in the order of its arrays */
  domains: Type.Array(Type.String()),
  /** each detector's own settings, by detector name */
  detectors: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
  judging: Type.Object({
    /** events a day of event time in the recorded stretch, all partitions together */
    eventsPerDay: Type.Number({ minimum: 0 }),
    /** alerts a day that the thresholds aim at */
    budget: Type.Number({ exclusiveMinimum: 0 }),
  }),
  training: Type.Object({
    /** all that were read; packages of before kept every one as a row */
    events: Type.Optional(Type.Integer()),
    /** what the models learned from: all events or a sample of them */
    rows: Type.Integer(),
    entities: Type.Integer(),
    from: Type.String(),
    to: Type.String(),
    /** SHA-256 over the events in the order they were read */
    data: Type.String(),
    seed: Type.Integer(),
    seconds: Type.Number(),
    versions: Type.Record(Type.String(), Type.String()),
    metrics: Type.Record(Type.String(), Type.Number()),
    /** the command that makes this package again */
    command: Type.Optional(Type.String()),
    /** losses by epoch of each network: [epoch, on learned rows, on the held-out stretch] */
    curves: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Array(Type.Number())))),
  }),
  tensors: Type.Array(
    Type.Object({
      name: Type.String(),
      shape: Type.Array(Type.Integer({ minimum: 0 })),
      offset: Type.Integer({ minimum: 0 }),
    }),
  ),
  digests: Type.Object({ 'weights.bin': Type.String() }),
});
export type Manifest = Static<typeof Manifest>;

const validator = Compile(Manifest);

/** @throws TypeError that names the faulty part */
export function parseManifest(value: unknown): Manifest {
  if (validator.Check(value)) {
    if (value.format !== PACKAGE_FORMAT)
      throw new TypeError(
        `it has package format ${value.format} and this program reads ${PACKAGE_FORMAT}; train it again`,
      );
    return value;
  }
  const [first] = validator.Errors(value);
  throw new TypeError(
    `its manifest is damaged at ${first?.instancePath || '/'}: ${first?.message ?? 'does not fit'}`,
  );
}
