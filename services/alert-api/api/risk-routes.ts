import Type from 'typebox';
import { queryRisks } from '../risks-query.js';
import { callerOf } from './auth.js';
import type { ApiContext, App } from './context.js';
import { Cursor, decodeCursor, encodeCursor, Limit } from './paging.js';
import { Problem } from './problems.js';
import { iso, pageShape, problems, RiskShape, Severity } from './shapes.js';

const Text = Type.String({ minLength: 1, maxLength: 500 });
const Time = Type.String({ format: 'date-time' });
const Query = Type.Object(
  {
    pipeline: Type.Optional(Text),
    domain: Type.Optional(Text),
    entity: Type.Optional(Text),
    severity: Type.Optional(Severity),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  { additionalProperties: false },
);

/** Risks, from ClickHouse. It may be away: then this alone is. */
export function riskRoutes(app: App, { clickhouse, clickhouseBreaker, log }: ApiContext): void {
  app.get(
    '/risks',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['risks'],
        summary: 'List risks, the newest event first',
        description:
          '`severity` is the least; `to` is not included. Answers from ClickHouse, seconds behind the stream.',
        querystring: Query,
        response: { 200: pageShape(RiskShape), ...problems(503) },
      },
    },
    async (request) => {
      const { query } = request;
      const { from, to, cursor, limit, ...equal } = query;
      const filter = {
        ...equal,
        domains: callerOf(request).domains,
        from: from && Date.parse(from),
        to: to && Date.parse(to),
        after: decodeCursor(cursor),
        limit: limit + 1,
      };
      const found = await queryRisks(clickhouse, clickhouseBreaker, {
        ...filter,
        from: filter.from || undefined,
        to: filter.to || undefined,
      }).catch((cause: unknown) => {
        log.warn({ error: cause }, 'risks could not be read from ClickHouse');
        throw new Problem(
          'clickhouse-away',
          'risks are read from ClickHouse, which failed to answer: try again in half a minute; incidents and webhooks go on without it',
          { retryAfterSeconds: 30, cause },
        );
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return {
        items: items.map((risk) => ({
          ...risk,
          eventTime: iso(risk.eventTime),
          scoredAt: iso(risk.scoredAt),
        })),
        next: last && found.length > limit ? encodeCursor({ at: last.eventTime, id: last.id }) : null,
      };
    },
  );
}
