import { createProducer } from '../../lib/kafka.js';
import { silentLog } from '../../lib/log.js';
import { sumOf } from '../../services/cli/demo/prometheus.js';
import { formatCount } from '../../services/cli/format.js';
import { startProgress } from '../../services/cli/progress.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';
import { type Look, type Steady, steady } from '../looks.js';
import { CONTENDER_CORE } from '../machine.js';
import type { LoadtestOptions } from '../options.js';
import { freshId } from '../processes/scorer-service.js';
import { startService } from '../processes/service.js';
import { onStage, type Stage } from '../stage.js';
import { median, spread } from '../statistics.js';
import { formatTable } from '../table.js';
import { type Backlog, backlogsOf, fillBacklog } from './backlog.js';

const LOOK_MS = 100;
const TIMEOUT_MS = 10 * 60_000;

/** How many rows a second the sink brings from Kafka into ClickHouse, of risks and of sampled scores. */
export async function runSink(options: LoadtestOptions): Promise<void> {
  await onStage({ apart: true }, async (stage) => {
    const clickhouse = await startClickHouse({ log: silentLog() });
    try {
      const backlogs = backlogsOf(options.events);
      const results = new Map<Backlog, Steady[]>(backlogs.map((backlog) => [backlog, []]));
      for (let round = 1; round <= options.rounds; round += 1) {
        for (const backlog of backlogs) {
          const result = await once(stage, clickhouse, backlog, round);
          results.get(backlog)?.push(result);
          stage.say(
            `round ${round} of ${options.rounds}, ${backlog.name}: ${formatCount(result.eventsPerSecond)} rows/s`,
          );
        }
      }
      report(results, options);
    } finally {
      await clickhouse.stop();
    }
  });
}

async function once(
  stage: Stage,
  clickhouse: LocalClickHouse,
  backlog: Backlog,
  round: number,
): Promise<Steady> {
  const id = freshId();
  const producer = await createProducer(stage.kafka.kafka);
  try {
    await fillBacklog(stage, producer, `${id}.`, backlog);
  } finally {
    await producer.disconnect();
  }
  const sink = await startService({
    command: 'sink',
    brokers: stage.kafka.brokers,
    folder: stage.folder,
    machine: stage.machine,
    cores: [CONTENDER_CORE],
    id,
    env: { RISKWIRE_CLICKHOUSE_URL: clickhouse.url, RISKWIRE_CLICKHOUSE_DATABASE: id.replaceAll('-', '_') },
  });
  try {
    const progress = startProgress(`${backlog.name}, round ${round}`);
    const looks: Look[] = [];
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      const samples = await sink.metrics();
      const done = samples ? sumOf(samples, 'riskwire_sink_rows_total', { table: backlog.table }) : 0;
      if (done > 0) looks.push({ done, at: Date.now(), cpu: sink.cpuSeconds() });
      progress.update(done, backlog.rows);
      if (done >= backlog.rows) return steady(looks, backlog.rows);
      if (Date.now() > deadline)
        throw new Error(
          `${done} of ${backlog.rows} rows were inserted within ${TIMEOUT_MS / 60_000} minutes`,
        );
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    await sink.stop();
  }
}

function report(results: ReadonlyMap<Backlog, Steady[]>, { markdown, json }: LoadtestOptions): void {
  const figures = [...results].map(([backlog, steadies]) => ({
    backlog,
    rates: steadies.map(({ eventsPerSecond }) => eventsPerSecond),
    micros: median(steadies.map(({ microsPerEvent }) => microsPerEvent ?? Number.NaN)),
  }));
  process.stdout.write(
    formatTable(
      ['rows of', 'rows/s', 'smallest – largest', 'CPU µs a row in the sink', 'enough for so many events/s'],
      figures.map(({ backlog, rates, micros }) => [
        backlog.title,
        formatCount(median(rates)),
        spread(rates, formatCount),
        micros.toFixed(1),
        formatCount(median(rates) / backlog.share),
      ]),
      markdown,
    ),
  );
  if (!json) return;
  const entries = figures.map(({ backlog, rates }) => [backlog.name, Math.round(median(rates))]);
  process.stdout.write(`${JSON.stringify({ rowsPerSecond: Object.fromEntries(entries) })}\n`);
}
