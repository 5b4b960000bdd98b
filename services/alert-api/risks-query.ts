import { SEVERITIES, type Severity } from '../../alerting/severity.js';
import type { Breaker } from '../../lib/breaker.js';
import type { ClickHouseClient } from '../../lib/clickhouse.js';

export interface RiskFilter {
  pipeline?: string;
  domain?: string;
  /** one of these; empty for all */
  domains?: readonly string[];
  entity?: string;
  /** at least this severe */
  severity?: Severity;
  /** event times, epoch milliseconds; `to` is not included */
  from?: number;
  to?: number;
  /** continue after this risk, newest first */
  after?: { at: number; id: string };
  limit: number;
}

export interface Risk {
  id: string;
  pipeline: string;
  domain: string;
  entity: string;
  eventId: string;
  eventTime: number;
  timeZone: string;
  scoredAt: number;
  score: number;
  pValue: number;
  threshold: number;
  severity: Severity;
  detectors: Record<string, number>;
  reasons: {
    feature: string;
    field: string;
    detector: string;
    observed: number | null;
    expected: number | null;
    unit: string;
    direction: string;
    share: number;
  }[];
  sentences: Record<string, string>;
  context: Record<string, string>;
  model: string;
  degraded: boolean;
}

const COLUMNS = `
  id, pipeline, domain, entity, event_id AS eventId, toUnixTimestamp64Milli(event_time) AS eventTime, time_zone AS timeZone,
  toUnixTimestamp64Milli(scored_at) AS scoredAt, score, p_value AS pValue, threshold, severity, detectors,
  \`reasons.feature\` AS reasonFeature, \`reasons.field\` AS reasonField, \`reasons.detector\` AS reasonDetector,
  \`reasons.observed\` AS reasonObserved, \`reasons.expected\` AS reasonExpected, \`reasons.unit\` AS reasonUnit,
  \`reasons.direction\` AS reasonDirection, \`reasons.share\` AS reasonShare, sentences, context, model, degraded`;

/** Each condition with the parameter that it reads. Values never become part of the text. */
function conditions(filter: RiskFilter): { where: string; params: Record<string, unknown> } {
  const { after } = filter;
  const parts: [boolean, string, Record<string, unknown>][] = [
    [(filter.domains?.length ?? 0) > 0, 'domain IN {domains:Array(String)}', { domains: filter.domains }],
    [filter.pipeline !== undefined, 'pipeline = {pipeline:String}', { pipeline: filter.pipeline }],
    [filter.domain !== undefined, 'domain = {domain:String}', { domain: filter.domain }],
    [filter.entity !== undefined, 'entity = {entity:String}', { entity: filter.entity }],
    [
      filter.severity !== undefined,
      'severity IN {severities:Array(String)}',
      { severities: SEVERITIES.slice(SEVERITIES.indexOf(filter.severity ?? 'low')) },
    ],
    [
      filter.from !== undefined,
      'event_time >= fromUnixTimestamp64Milli({from:Int64})',
      { from: filter.from },
    ],
    [filter.to !== undefined, 'event_time < fromUnixTimestamp64Milli({to:Int64})', { to: filter.to }],
    [
      after !== undefined,
      '(event_time, id) < (fromUnixTimestamp64Milli({afterAt:Int64}), {afterId:String})',
      { afterAt: after?.at, afterId: after?.id },
    ],
  ];
  const used = parts.filter(([given]) => given);
  return {
    where: used.length === 0 ? '1' : used.map(([, text]) => text).join(' AND '),
    params: Object.assign({}, ...used.map(([, , params]) => params)),
  };
}

/** Risks, newest event first. Rejects with BreakerOpenError, or with what the client throws. */
export async function queryRisks(
  clickhouse: ClickHouseClient,
  breaker: Breaker<unknown>,
  filter: RiskFilter,
  signal?: AbortSignal,
): Promise<Risk[]> {
  const { where, params } = conditions(filter);
  const rows = await breaker.call(async () => {
    const result = await clickhouse.query({
      query: `SELECT ${COLUMNS} FROM risks FINAL WHERE ${where} ORDER BY event_time DESC, id DESC LIMIT {limit:UInt32}`,
      query_params: { ...params, limit: filter.limit },
      format: 'JSONEachRow',
      clickhouse_settings: { max_execution_time: 10, output_format_json_quote_64bit_integers: 0 },
      abort_signal: signal,
    });
    return result.json<Row>();
  });
  return (rows as Row[]).map(riskOf);
}

type Row = Omit<Risk, 'reasons' | 'eventTime' | 'scoredAt'> & {
  eventTime: number | string;
  scoredAt: number | string;
  reasonFeature: string[];
  reasonField: string[];
  reasonDetector: string[];
  reasonObserved: (number | null)[];
  reasonExpected: (number | null)[];
  reasonUnit: string[];
  reasonDirection: string[];
  reasonShare: number[];
};

function riskOf(row: Row): Risk {
  const {
    reasonFeature,
    reasonField,
    reasonDetector,
    reasonObserved,
    reasonExpected,
    reasonUnit,
    reasonDirection,
    reasonShare,
    ...rest
  } = row;
  return {
    ...rest,
    eventTime: Number(row.eventTime),
    scoredAt: Number(row.scoredAt),
    reasons: reasonFeature.map((feature, i) => ({
      feature,
      field: reasonField[i] ?? '',
      detector: reasonDetector[i] ?? '',
      observed: reasonObserved[i] ?? null,
      expected: reasonExpected[i] ?? null,
      unit: reasonUnit[i] ?? '',
      direction: reasonDirection[i] ?? '',
      share: reasonShare[i] ?? 0,
    })),
  };
}
