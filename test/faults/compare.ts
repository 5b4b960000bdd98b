import type { ChangeKind } from '../../alerting/incidents.js';
import { DEFAULT_EVENTS } from '../../alerting/routes.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';
import { deliveryId } from '../../lib/ids.js';
import type { Receiver } from './receiver.js';

export interface FoundRisk {
  readonly id: string;
  readonly score: number;
  /** features of the reasons, most telling first */
  readonly reasons: readonly string[];
}

export interface RiskComparison {
  readonly risks: number;
  readonly missing: string[];
  readonly extra: string[];
  readonly scoreDifferences: string[];
  readonly reasonDifferences: string[];
}

export const SAME_SCORE = 1e-4;

/** Compares what a disturbed run left in ClickHouse with what an undisturbed one did, id by id. */
export function compareRisks(quiet: readonly FoundRisk[], disturbed: readonly FoundRisk[]): RiskComparison {
  const found = new Map(disturbed.map((risk) => [risk.id, risk]));
  const expected = new Set(quiet.map(({ id }) => id));
  const missing: string[] = [];
  const scoreDifferences: string[] = [];
  const reasonDifferences: string[] = [];
  for (const { id, score, reasons } of quiet) {
    const other = found.get(id);
    if (other === undefined) missing.push(id);
    // written so that a NaN differs too
    else if (!(Math.abs(other.score - score) <= SAME_SCORE))
      scoreDifferences.push(`${id}: ${score} and ${other.score}`);
    else if (other.reasons[0] !== reasons[0])
      reasonDifferences.push(`${id}: ${reasons[0]} and ${other.reasons[0]}`);
  }
  const extra = disturbed.filter(({ id }) => !expected.has(id)).map(({ id }) => id);
  const repeated = disturbed.length - found.size;
  if (repeated > 0) extra.push(`${repeated} rows with an id that another row has`);
  return { risks: quiet.length, missing, extra, scoreDifferences, reasonDifferences };
}

export interface WebhookComparison {
  readonly incidents: number;
  /** webhooks that should have come and did not */
  readonly missing: string[];
  /** how many came more than once */
  readonly duplicates: number;
}

/** Every change that was to be told, and the opening of every incident, must have come under its derived id. */
export async function compareWebhooks(
  clickhouse: ClickHouseClient,
  receiver: Receiver,
  endpoint: string,
): Promise<WebhookComparison> {
  const incidents = await rows<{ id: string }>(clickhouse, 'SELECT id FROM incidents_current');
  const deliveries = await rows<{ id: string }>(
    clickhouse,
    "SELECT DISTINCT id FROM deliveries WHERE state != 'dropped'",
  );
  // Not from the deliveries alone: a change that no delivery was ever recorded of would not be missed.
  const changes = await rows<{ id: string; change: number; kind: ChangeKind }>(
    clickhouse,
    'SELECT id, change, change_kind AS kind FROM incidents FINAL',
  );
  const due = new Set([
    ...incidents.map(({ id }) => deliveryId(id, 1, endpoint)),
    ...changes
      .filter(({ kind }) => DEFAULT_EVENTS.includes(kind))
      .map(({ id, change }) => deliveryId(id, Number(change), endpoint)),
    ...deliveries.map(({ id }) => id),
  ]);
  return {
    incidents: incidents.length,
    missing: [...due].filter((id) => !receiver.ids.has(id)),
    duplicates: [...receiver.ids.values()].filter((times) => times > 1).length,
  };
}

export function readRisks(clickhouse: ClickHouseClient): Promise<FoundRisk[]> {
  return rows(clickhouse, 'SELECT id, score, `reasons.feature` AS reasons FROM risks FINAL');
}

export interface ScoreComparison {
  readonly compared: number;
  /** sampled in the undisturbed run alone, or in the disturbed one alone */
  readonly unmatched: number;
  readonly different: number;
  readonly largest: number;
}

/** The sampled scores, risk or not, event by event: state that is off by one event shows here long before it does in a risk. */
export async function compareScores(
  clickhouse: ClickHouseClient,
  quiet: string,
  disturbed: string,
): Promise<ScoreComparison> {
  const of = (database: string) =>
    `(SELECT kafka_partition AS p, kafka_offset AS o, score FROM ${database}.scores FINAL)`;
  const [found] = await rows<Record<keyof ScoreComparison, string | number>>(
    clickhouse,
    `SELECT countIf(a.n + b.n = 2) AS compared, countIf(a.n + b.n != 2) AS unmatched,
      countIf(a.n + b.n = 2 AND NOT (abs(a.score - b.score) <= ${SAME_SCORE})) AS different,
      maxIf(abs(a.score - b.score), a.n + b.n = 2) AS largest
    FROM (SELECT *, 1 AS n FROM ${of(quiet)}) AS a FULL OUTER JOIN (SELECT *, 1 AS n FROM ${of(disturbed)}) AS b
      ON a.p = b.p AND a.o = b.o`,
  );
  return {
    compared: Number(found?.compared),
    unmatched: Number(found?.unmatched),
    different: Number(found?.different),
    largest: Number(found?.largest),
  };
}

/** Where the dead letters came from, each once. */
export async function readDeadLetters(clickhouse: ClickHouseClient): Promise<string[]> {
  const found = await rows<{ id: string }>(clickhouse, 'SELECT id FROM dead_letters FINAL ORDER BY id');
  return found.map(({ id }) => id);
}

async function rows<T>(clickhouse: ClickHouseClient, query: string): Promise<T[]> {
  const result = await clickhouse.query({ query, format: 'JSONEachRow' });
  return result.json<T>();
}
