import type { Pipeline } from '../../pipelines/loader.js';

/** A pipeline with some of its detectors left out. */
export function without(pipeline: Pipeline, ...names: (keyof Pipeline['detectors'])[]): Pipeline {
  const detectors = { ...pipeline.detectors };
  for (const name of names) delete detectors[name];
  return { ...pipeline, detectors };
}

/** The same with networks that stay at their start: what is left of each model is its linear part, whitened. */
export function linearTwins(pipeline: Pipeline): Pipeline {
  const { autoencoder, sequence, ...others } = pipeline.detectors;
  const start = { epochs: 0 };
  return {
    ...pipeline,
    detectors: {
      ...others,
      ...(autoencoder && { autoencoder: { ...autoencoder, ...start } }),
      ...(sequence && { sequence: { ...sequence, ...start } }),
    },
  };
}
