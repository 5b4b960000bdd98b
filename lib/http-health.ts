import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** What a probe answers: reasons is empty when all is well, else one sentence each. */
export type Check = () => string[] | Promise<string[]>;

export interface HealthOptions {
  host: string;
  /** 0 takes a free port */
  port: number;
  registry: Registry;
  /** may the process go on? A reason here means: restart it. Default: always */
  live?: Check;
  /** does it do its work now? */
  ready: Check;
  /** more to say in both answers, such as the backend */
  about?: () => Record<string, unknown>;
}

export interface HealthServer {
  /** http://host:port */
  readonly url: string;
  stop(): Promise<void>;
}

/** GET /health/live, /health/ready and /metrics for a service without an API of its own. Not ready is 503 with the reasons. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const { host, port, registry, live = () => [], ready, about = () => ({}) } = options;

  const answer = async (check: Check) => {
    const reasons = await check();
    return {
      status: reasons.length === 0 ? 200 : 503,
      body: { status: reasons.length === 0 ? 'ok' : 'unavailable', reasons, ...about() },
    };
  };

  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    const route = async () => {
      const path = (request.url ?? '/').split('?', 1)[0];
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return send(405, 'text/plain', 'only GET is answered here\n');
      if (path === '/metrics') return send(200, registry.contentType, await registry.metrics());
      const check = path === '/health/live' ? live : path === '/health/ready' ? ready : undefined;
      if (!check) return send(404, 'text/plain', 'there is /health/live, /health/ready and /metrics\n');
      const { status, body } = await answer(check);
      return send(status, 'application/json', `${JSON.stringify(body)}\n`);
    };
    route().catch((error: unknown) => {
      send(
        500,
        'application/json',
        `${JSON.stringify({ status: 'unavailable', reasons: [String(error)] })}\n`,
      );
    });
  });
  server.requestTimeout = 10_000;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
