import { join } from 'node:path';
import { silentLog } from '../../lib/log.js';
import { formatCount } from '../../services/cli/format.js';
import { type LocalClickHouse, startClickHouse } from '../../services/local/clickhouse.js';
import type { LoadtestOptions } from '../options.js';
import { maximumRate } from '../soak/maximum.js';
import { onStage } from '../stage.js';
import { quantile } from '../statistics.js';
import { writeStreamFile } from '../streams/stream-file.js';
import { formatTable } from '../table.js';
import { type Latencies, latencyAt } from './latency-run.js';

const SHARES = [0.01, 0.5, 0.8];
const MOST_PAYMENTS = 3_000_000;
const WARM_EVENTS = 400_000;
/** Elsewhere it has a machine of its own: here its queries and merges are to take what the others leave. */
const CLICKHOUSE_NICE = 10;

/** How long after an event was due its risk is published, its row visible, its webhook received. */
export async function runLatency(options: LoadtestOptions): Promise<void> {
  await onStage({ apart: false }, async (stage) => {
    const maximum = await maximumRate(stage, options);
    const file = join(stage.folder, 'payments.events');
    const { cards, partitions, seconds, backend } = options;
    stage.say('generating payments …');
    const events = Math.min(options.events, MOST_PAYMENTS);
    await writeStreamFile(file, { kind: 'payments', cards }, events, () => undefined);
    const clickhouse: LocalClickHouse = await startClickHouse({ nice: CLICKHOUSE_NICE, log: silentLog() });
    try {
      const results: Latencies[] = [];
      for (const share of SHARES) {
        stage.say(`at ${100 * share}% of the maximum, ${formatCount(share * maximum)} events/s …`);
        const rate = share * maximum;
        const warm = { warmRate: 0.7 * maximum, warmEvents: Math.min(WARM_EVENTS, events) };
        const run = { share, rate, ...warm, seconds, file, partitions, backend };
        results.push(await latencyAt(stage, clickhouse, run));
      }
      report(results, maximum, options);
    } finally {
      await clickhouse.stop();
    }
  });
}

const QUANTILES = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 } as const;
const STEPS = {
  published: 'risk published',
  visible: 'row visible in ClickHouse',
  received: 'webhook received',
} as const;

function report(results: readonly Latencies[], maximum: number, { markdown, json }: LoadtestOptions): void {
  const rows = results.flatMap((result) =>
    (Object.keys(STEPS) as (keyof typeof STEPS)[]).map((step) => {
      const delays = result[step];
      return [
        `${100 * result.share}% of the maximum (${formatCount(result.rate)}/s), ${STEPS[step]}`,
        ...Object.values(QUANTILES).map((q) => (delays.length === 0 ? '–' : quantile(delays, q).toFixed(1))),
        formatCount(delays.length),
      ];
    }),
  );
  const header = ['append to …', ...Object.keys(QUANTILES).map((name) => `${name} ms`), 'of so many'];
  process.stdout.write(formatTable(header, rows, markdown));
  for (const { share, missingRows } of results)
    if (missingRows > 0)
      process.stdout.write(`at ${100 * share}%: ${missingRows} rows had not come when the run ended\n`);
  if (!json) return;
  const figures = results.map((result) => ({
    share: result.share,
    eventsPerSecond: Math.round(result.rate),
    ...Object.fromEntries(
      (Object.keys(STEPS) as (keyof typeof STEPS)[]).map((step) => [
        step,
        Object.fromEntries(
          Object.entries(QUANTILES).map(([name, q]) => [name, Number(quantile(result[step], q).toFixed(1))]),
        ),
      ]),
    ),
    risks: result.published.length,
    missingRows: result.missingRows,
  }));
  process.stdout.write(`${JSON.stringify({ maximum: Math.round(maximum), latency: figures })}\n`);
}
