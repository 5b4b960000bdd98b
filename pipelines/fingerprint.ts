import { createHash } from 'node:crypto';
import { readerFields } from './avro-fields.js';
import type { Pipeline } from './loader.js';

/**
 * What a model depends on of a pipeline: the features, and the type of each field that they are made of. A model
 * package carries it and is refused by a pipeline whose own differs. Title, budget, topic and the like are free.
 */
export function modelFingerprint(pipeline: Pipeline): string {
  const fields = readerFields(pipeline.schema);
  const { numbers, categories, calendar, gap, activity } = pipeline.features;
  const used = {
    numbers: numbers.map(({ field, log, habit, change, sensor }) => [
      field,
      fields?.get(field)?.type,
      log === true,
      habit === true,
      change === true,
      sensor === true,
    ]),
    categories: categories.map((field) => [field, fields?.get(field)?.type]),
    calendar,
    gap,
    activity,
  };
  return createHash('sha256').update(JSON.stringify(used)).digest('hex');
}
