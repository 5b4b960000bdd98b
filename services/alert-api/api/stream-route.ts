import type { ServerResponse } from 'node:http';
import Type from 'typebox';
import type { Incident } from '../../../alerting/incidents.js';
import { severityRank } from '../../../alerting/severity.js';
import type { ApiContext, App } from './context.js';
import { incidentShape, problems, Severity } from './shapes.js';

const HEARTBEAT_MS = 15_000;
/** A reader that is further behind than this is let go; it reconnects and lists what it missed. */
const MOST_BUFFERED = 1 << 20;
const Text = Type.String({ minLength: 1, maxLength: 500 });

/** Incident changes as server-sent events. */
export function streamRoute(app: App, { incidents }: ApiContext): void {
  const open = new Set<ServerResponse>();
  // Fastify waits for open responses when it closes, and these end only when told to.
  app.addHook('preClose', async () => {
    for (const response of open) response.end();
  });

  app.get(
    '/stream',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['incidents'],
        summary: 'Incident changes as they happen (server-sent events)',
        description:
          'Events are named after the change (opened, escalated, …), their data is the incident. A comment comes every 15 seconds.',
        querystring: Type.Object(
          { pipeline: Type.Optional(Text), severity: Type.Optional(Severity) },
          { additionalProperties: false },
        ),
        produces: ['text/event-stream'],
        response: problems(),
      },
    },
    (request, reply) => {
      const { pipeline, severity } = request.query;
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
      const stop = incidents.onChange((incident, before) => {
        if (before?.change === incident.change) return;
        if (pipeline !== undefined && incident.pipeline !== pipeline) return;
        if (severity !== undefined && severityRank(incident.severity) < severityRank(severity)) return;
        send(eventOf(incident));
      });
      const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
      response.on('error', () => {}); // a reader that goes away; `close` follows
      response.on('close', () => {
        clearInterval(heartbeat);
        stop();
        open.delete(response);
      });
    },
  );
}

function eventOf(incident: Incident): string {
  return `id: ${incident.id}.${incident.change}\nevent: ${incident.changeKind}\ndata: ${JSON.stringify(incidentShape(incident))}\n\n`;
}
