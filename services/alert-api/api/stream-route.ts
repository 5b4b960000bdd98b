import type { ServerResponse } from 'node:http';
import Type from 'typebox';
import type { Incident } from '../../../alerting/incidents.js';
import { severityRank } from '../../../alerting/severity.js';
import type { Place } from '../views.js';
import type { ApiContext, App } from './context.js';
import { maySee } from './scope.js';
import { incidentShape, problems, Severity } from './shapes.js';

const HEARTBEAT_MS = 15_000;
/** A reader that is further behind than this is let go; it reconnects and goes on where it was. */
const MOST_BUFFERED = 1 << 20;
/** Changes kept for readers that come back. */
const MOST_KEPT = 2_000;
const Text = Type.String({ minLength: 1, maxLength: 500 });

interface Kept {
  incident: Incident;
  place: Place;
}

/** Incident changes as server-sent events. */
export function streamRoute(app: App, { incidents }: ApiContext): void {
  const open = new Set<ServerResponse>();
  // Fastify waits for open responses when it closes, and these end only when told to.
  app.addHook('preClose', async () => {
    for (const response of open) response.end();
  });

  const kept: Kept[] = [];
  /** the newest offset of each partition that was given up */
  const lost = new Map<number, bigint>();
  const positions = new Map<number, bigint>();
  const listeners = new Set<(one: Kept) => void>();
  const stopFollowing = incidents.onChange((incident, before, place) => {
    positions.set(place.partition, BigInt(place.offset));
    if (before?.change === incident.change) return;
    const one = { incident, place };
    kept.push(one);
    const old = kept.length > MOST_KEPT ? kept.shift() : undefined;
    if (old) lost.set(old.place.partition, BigInt(old.place.offset));
    for (const listener of listeners) listener(one);
  });
  app.addHook('onClose', async () => stopFollowing());

  app.get(
    '/stream',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['incidents'],
        summary: 'Incident changes as they happen (server-sent events)',
        description:
          'Events are named after the change (opened, escalated, …), their data is the incident. A comment comes every 15 seconds. With Last-Event-ID it goes on after that event, on whichever replica; where too much has happened since, an event `reset` says that the list has to be read again.',
        querystring: Type.Object(
          { pipeline: Type.Optional(Text), severity: Type.Optional(Severity) },
          { additionalProperties: false },
        ),
        produces: ['text/event-stream'],
        response: {
          200: {
            description: 'the stream, until either side ends it',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          ...problems(),
        },
      },
    },
    (request, reply) => {
      const { pipeline, severity } = request.query;
      const wanted = ({ incident }: Kept) =>
        maySee(request, incident.domain) &&
        (pipeline === undefined || incident.pipeline === pipeline) &&
        (severity === undefined || severityRank(incident.severity) >= severityRank(severity));
      const headers = reply.getHeaders() as Record<string, string>;
      reply.hijack();
      const response = reply.raw;
      response.writeHead(200, {
        ...headers,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      response.write('retry: 2000\n\n');
      open.add(response);
      const send = (text: string) => {
        if (response.writableLength > MOST_BUFFERED) response.destroy();
        else response.write(text);
      };
      const seen = new Map(positions);
      const tell = (one: Kept) => {
        seen.set(one.place.partition, BigInt(one.place.offset));
        if (wanted(one)) send(eventOf(one.incident, seen));
      };
      const since = positionsOf(request.headers['last-event-id']);
      if (since) {
        for (const [partition, offset] of since) seen.set(partition, offset);
        const missed = [...lost].some(([partition, offset]) => offset > (since.get(partition) ?? -1n));
        if (missed)
          send(`event: reset\ndata: {"reason":"too much has happened since: read the list again"}\n\n`);
        for (const one of kept)
          if (BigInt(one.place.offset) > (since.get(one.place.partition) ?? -1n)) tell(one);
      }
      listeners.add(tell);
      const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
      response.on('error', () => {}); // a reader that goes away; `close` follows
      response.on('close', () => {
        clearInterval(heartbeat);
        listeners.delete(tell);
        open.delete(response);
      });
    },
  );
}

/** The id of an event says how far each partition has been told: 0-17.2-4 */
function eventOf(incident: Incident, seen: ReadonlyMap<number, bigint>): string {
  const id = [...seen].map(([partition, offset]) => `${partition}-${offset}`).join('.');
  return `id: ${id}\nevent: ${incident.changeKind}\ndata: ${JSON.stringify(incidentShape(incident))}\n\n`;
}

/** undefined for an id that isn't one of ours: the reader begins with what comes next */
function positionsOf(header: string | string[] | undefined): Map<number, bigint> | undefined {
  if (typeof header !== 'string' || !/^(\d{1,6}-\d{1,19})(\.\d{1,6}-\d{1,19})*$/.test(header))
    return undefined;
  return new Map(
    header.split('.').map((part) => {
      const [partition = '', offset = ''] = part.split('-');
      return [Number(partition), BigInt(offset)];
    }),
  );
}
