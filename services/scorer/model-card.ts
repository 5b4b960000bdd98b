import type { Manifest } from '../../detection/model/manifest.js';
import type { Pipeline } from '../../pipelines/loader.js';

/** card.md of a package: what the model is, what it learned from, and what it is not for. */
export function modelCard(pipeline: Pipeline, manifest: Omit<Manifest, 'tensors' | 'digests'>): string {
  const { training } = manifest;
  const figures = Object.entries(training.metrics).map(
    ([name, value]) => `| ${name} | ${Number(value.toPrecision(6))} |`,
  );
  return `# ${manifest.id}

Model of the pipeline \`${pipeline.name}\` (${pipeline.title.en}, ${pipeline.title.zh}).

| | |
|---|---|
| learned from | ${learnedFrom(manifest)} of ${training.entities} entities in ${manifest.domains.length} domains |
| event time | ${training.from} to ${training.to} |
| data (SHA-256) | ${training.data} |
| features | ${manifest.features.length}: ${manifest.features.join(', ')} |
| detectors | ${Object.entries(manifest.detectors)
    .map(([name, settings]) => `${name} ${JSON.stringify(settings)}`)
    .join(', ')} |
| events a day | ${manifest.judging.eventsPerDay.toFixed(1)} |
| seed | ${training.seed} |
${training.command === undefined ? '' : `| command | \`${training.command}\` |\n`}| made with | ${Object.entries(
    training.versions,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')} |

## Figures of the training

| figure | value |
|---|---|
${figures.join('\n')}

${curves(manifest)}## Use

It says how unusual an event is, given what it learned and what the entity did before; it doesn't say why the world is
so. It was learned without labels: what was common in the recorded stretch counts as normal, faults that lasted
through it included. It runs with the pipeline definition that has the fingerprint \`${manifest.fingerprint.slice(0, 16)}…\`
and is refused by any other.
`;
}

function learnedFrom({ training: { events, rows } }: Pick<Manifest, 'training'>): string {
  return events === undefined || events === rows
    ? `${rows} events`
    : `${events} events (the networks from a sample of ${rows})`;
}

function curves({ training }: Pick<Manifest, 'training'>): string {
  if (Object.keys(training.curves ?? {}).length === 0) return '';
  return `## Training curve

![Losses by epoch](curve.svg)

Losses by epoch on the rows that are learned from and on the stretch of time held out; the training stops when the
held-out loss no longer falls, and keeps the best epoch. Epoch 0 is the linear model. The numbers are in \`manifest.json\`.

`;
}
