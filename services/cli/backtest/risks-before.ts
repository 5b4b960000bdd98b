import type { ClickHouseClient } from '../../../lib/clickhouse.js';
import type { ComparedRisk } from './compare.js';

/** The risks that were raised for events between two times (ISO), from ClickHouse, each once. */
export async function risksBefore(
  clickhouse: ClickHouseClient,
  pipeline: string,
  from: string,
  to: string,
): Promise<ComparedRisk[]> {
  const result = await clickhouse.query({
    query: `SELECT event_id AS eventId, entity, toFloat64(toUnixTimestamp64Milli(event_time)) AS eventTime, score,
        toString(severity) AS severity
      FROM risks FINAL
      WHERE pipeline = {pipeline:String}
        AND event_time BETWEEN parseDateTime64BestEffort({from:String}, 3, 'UTC') AND parseDateTime64BestEffort({to:String}, 3, 'UTC')
      ORDER BY event_time, entity, id`,
    query_params: { pipeline, from, to },
    format: 'JSONEachRow',
  });
  return result.json<ComparedRisk>();
}
