import { INTERVAL_MS, type Series, VARIABLES } from '../../pipelines/production/series.js';
import type { RecordedEvents } from '../../services/scorer/train.js';

/** 2024-01-01, a Monday; the process has no calendar, and the pipeline uses none. */
const START = Date.UTC(2024, 0, 1);

/** A recorded run as the readings of one unit of one plant, from a given moment on. */
export function unitEvents(series: Series, unit: string, start = START): RecordedEvents {
  const events = Array.from({ length: series.rows }, (_, row) => {
    const event: Record<string, unknown> = {
      id: `${unit}:${row}`,
      time: start + row * INTERVAL_MS,
      plant: 'plant-a', // the one whose readings are the recorded ones
      unit,
    };
    VARIABLES.forEach((variable, v) => {
      event[variable] = series.values[row * VARIABLES.length + v];
    });
    return event;
  });
  return { keys: events.map(() => unit), events };
}
