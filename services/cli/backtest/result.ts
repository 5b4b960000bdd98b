import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { UsageError } from '../exit.js';

const RaisedRisk = Type.Object({
  /** derived from the event's place in its topic, as the scorer derives it */
  id: Type.String(),
  eventId: Type.String(),
  entity: Type.String(),
  domain: Type.String(),
  /** epoch ms */
  eventTime: Type.Number(),
  score: Type.Number(),
  threshold: Type.Number(),
  severity: Type.String(),
  /** the first of an episode */
  alert: Type.Boolean(),
  /** the feature that explains it most */
  reason: Type.String(),
});
export type RaisedRisk = Static<typeof RaisedRisk>;

/** What a backtest writes with --out, and reads with --against. */
const BacktestResult = Type.Object({
  format: Type.Literal(1),
  pipeline: Type.String(),
  model: Type.String(),
  budget: Type.Number(),
  source: Type.String(),
  partitions: Type.Integer(),
  events: Type.Integer(),
  left: Type.Record(Type.String(), Type.Integer()),
  from: Type.Union([Type.String(), Type.Null()]),
  to: Type.Union([Type.String(), Type.Null()]),
  days: Type.Number(),
  alerts: Type.Integer(),
  alertsPerDay: Type.Number(),
  failed: Type.Array(Type.String()),
  risks: Type.Array(RaisedRisk),
});
export type BacktestResult = Static<typeof BacktestResult>;

const validator = Compile(BacktestResult);

/** @throws UsageError for a file that no backtest wrote */
export function parseResult(file: string, text: string): BacktestResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is no JSON; give the file that a backtest wrote with --out`, {
      cause: error,
    });
  }
  if (validator.Check(value)) return value;
  const [first] = validator.Errors(value);
  throw new UsageError(
    `${file} was not written by a backtest of this version: ${first?.instancePath || '/'} ${first?.message ?? 'does not fit'}; write it again with --out`,
  );
}
