import { type Measurement, measure } from './measure.js';

/** One measurement in a process of its own, so that none is warmed up or held back by the one before. */
const measurement = JSON.parse(process.argv[2] ?? '') as Measurement;
measure(measurement).then(
  (rate) => process.stdout.write(`${JSON.stringify({ rate })}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
