import { averagePrecision, eventRecall, rocAuc } from '../../detection/judging/measures.js';
import { agricultureSource } from '../../pipelines/agriculture/replay.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { byEntity, collect } from './planted-streams.js';
import { WATER_LEARNED } from './reasons.js';
import { disposeOf, type Shipped, scoreStream, trainOn } from './stream.js';
import { mean, type SuiteOptions, spread, type Table } from './suite.js';
import { linearTwins, without } from './variants.js';

/**
 * What the learned models add on the water stations: the whole pipeline learns from the first half of the series, with
 * the faults in it, and the surprise of each event of the second half is held against the technicians' labels of any
 * of the station's sensors. Means over the stations.
 */
const VARIANTS: readonly (readonly [string, (pipeline: Pipeline) => Pipeline])[] = [
  ['shipped pipeline', (pipeline) => pipeline],
  ['linear twins in place of the networks', linearTwins],
  ['without the autoencoder', (pipeline) => without(pipeline, 'autoencoder')],
  ['without the sequence model', (pipeline) => without(pipeline, 'sequence')],
  ['memory and sensor checks alone', (pipeline) => without(pipeline, 'autoencoder', 'sequence')],
];
const KEYS = ['auc', 'ap', 'eventRecall'] as const;
type Figures = Record<(typeof KEYS)[number], number>;

export async function stationsTable(
  folder: string,
  { pipeline, backend }: Shipped,
  { seeds, progress }: Pick<SuiteOptions, 'seeds' | 'progress'>,
): Promise<Table> {
  const { events, truth } = await collect(agricultureSource({ folder }));
  const fed = (part: typeof events) => ({
    keys: part.map(({ key }) => key),
    events: part.map(({ event }) => event),
  });
  const live = events.slice(WATER_LEARNED);
  const labels = live.map(({ key, time }) =>
    truth.some((one) => one.type === 'episode' && one.entity === key && one.from <= time && time <= one.to)
      ? 1
      : 0,
  );
  const rows: (string | number)[][] = [];
  for (const [name, vary] of VARIANTS) {
    const varied = vary(pipeline);
    const found: Figures[] = [];
    for (const seed of seeds) {
      const model = await trainOn(varied, [fed(events.slice(0, WATER_LEARNED))], seed, backend);
      const surprise = new Float32Array(live.length);
      await scoreStream(varied, model, [fed(live)], {}, ({ columns, scored }) => {
        for (let row = 0; row < columns.size; row++) surprise[columns.offsets[row]!] = scored.surprise[row]!;
      });
      disposeOf(model);
      const stations = [...byEntity(live).values()].map((positions) => {
        const scores = positions.map((position) => surprise[position]!);
        const labelled = positions.map((position) => labels[position]!);
        return {
          auc: rocAuc(scores, labelled),
          ap: averagePrecision(scores, labelled),
          eventRecall: eventRecall(scores, labelled, 0.01),
        };
      });
      const figures = Object.fromEntries(
        KEYS.map((key) => [key, mean(stations.map((one) => one[key]))]),
      ) as Figures;
      found.push(figures);
      progress(`${name}, seed ${seed}: ${JSON.stringify(figures)}`);
    }
    rows.push([name, ...KEYS.map((key) => spread(found.map((one) => one[key])))]);
  }
  return {
    title: `Stations, the second half of the series after learning from the first, ${seeds.length} seed(s): median (least – most)`,
    columns: ['', 'AUC', 'AP', 'event recall'],
    rows,
  };
}
