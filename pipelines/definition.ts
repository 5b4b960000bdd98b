import Type, { type Static } from 'typebox';

/**
 * A pipeline is data: this is the one schema its YAML file is checked against.
 * Durations are written as a number and a unit: 500ms, 30s, 15m, 1h, 7d.
 */
const Duration = Type.String({
  pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$',
  description: 'a duration such as 30s, 15m, 1h, 7d',
});
const FieldName = Type.String({
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  description: 'the name of a field of the Avro schema',
});
const strict = { additionalProperties: false };

export const NumberFeatures = Type.Object(
  {
    fields: Type.Array(FieldName, { minItems: 1 }),
    unit: Type.Optional(Type.Union([Type.String(), Type.Object({ field: FieldName }, strict)])),
    log: Type.Optional(
      Type.Boolean({ description: 'take the signed logarithm first (amounts, counts, turbidity)' }),
    ),
    habit: Type.Optional(
      Type.Boolean({ description: "compare with the entity's own running mean and spread" }),
    ),
    change: Type.Optional(Type.Boolean({ description: "add the change since the entity's event before" })),
    sensor: Type.Optional(
      Type.Boolean({ description: 'an instrument of its own: sensor checks and a memory run over it' }),
    ),
  },
  strict,
);

export const PipelineDefinition = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    title: Type.Object({ en: Type.String(), zh: Type.Optional(Type.String()) }, strict),
    topic: Type.String({ minLength: 1 }),
    schema: Type.String({ minLength: 1, description: 'name of the reader schema in the schemas folder' }),
    entity: FieldName,
    eventId: Type.Optional(FieldName),
    time: FieldName,
    timeZone: Type.Optional(
      Type.Union([Type.Object({ field: FieldName }, strict), Type.Object({ fixed: Type.String() }, strict)]),
    ),
    domain: Type.Optional(
      Type.Union([Type.Object({ field: FieldName }, strict), Type.Object({ fixed: Type.String() }, strict)]),
    ),
    late: Type.Optional(Duration),
    ahead: Type.Optional(Duration),
    context: Type.Optional(Type.Array(FieldName)),
    features: Type.Object(
      {
        numbers: Type.Optional(Type.Array(NumberFeatures)),
        categories: Type.Optional(Type.Array(FieldName)),
        calendar: Type.Optional(Type.Boolean()),
        gap: Type.Optional(Type.Boolean()),
        activity: Type.Optional(Type.Array(Duration)),
      },
      strict,
    ),
    detectors: Type.Object(
      {
        autoencoder: Type.Optional(
          Type.Object(
            {
              window: Type.Optional(Type.Integer({ minimum: 1, maximum: 32 })),
              hidden: Type.Optional(
                Type.Array(Type.Integer({ minimum: 1, maximum: 512 }), { minItems: 2, maxItems: 2 }),
              ),
            },
            strict,
          ),
        ),
        sequence: Type.Optional(
          Type.Object(
            {
              hidden: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
              lags: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(2)])),
            },
            strict,
          ),
        ),
        margins: Type.Optional(
          Type.Object(
            { side: Type.Optional(Type.Union([Type.Literal('both'), Type.Literal('high')])) },
            strict,
          ),
        ),
        stuck: Type.Optional(Type.Object({}, strict)),
        memory: Type.Optional(
          Type.Object(
            { size: Type.Optional(Type.Union([Type.Literal('small'), Type.Literal('large')])) },
            strict,
          ),
        ),
        checks: Type.Optional(Type.Object({ interval: Type.Optional(Duration) }, strict)),
      },
      strict,
    ),
    secondary: Type.Optional(
      Type.Array(Type.Object({ field: FieldName }, strict), {
        maxItems: 4,
        description: 'categories whose values are entities of their own: the terminal of a payment',
      }),
    ),
    labels: Type.Optional(
      Type.Object(
        {
          delay: Type.Optional(Duration),
          window: Type.Optional(Duration),
          spells: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 96 }), { minItems: 1 })),
          hold: Type.Optional(Type.Integer({ minimum: 100, maximum: 1_000_000 })),
        },
        strict,
      ),
    ),
    judging: Type.Object(
      {
        budget: Type.Number({ exclusiveMinimum: 0, description: 'alerts a day, about' }),
        quiet: Duration,
        smoothing: Type.Optional(
          Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), {
            minItems: 1,
            maxItems: 5,
            description: "constants of the exponential means of an entity's scores; 1 is the score itself",
          }),
        ),
      },
      strict,
    ),
  },
  strict,
);
export type PipelineDefinition = Static<typeof PipelineDefinition>;
