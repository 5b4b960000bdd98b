import { type HealthServer, startHealthServer } from './http-health.js';
import { createRegistry, sinkMetrics } from './metrics.js';

describe('the health server', () => {
  let server: HealthServer;
  let reasons: string[] = [];
  const registry = createRegistry('sink', { processFigures: false });
  beforeAll(async () => {
    sinkMetrics(registry).rows.inc({ table: 'risks' }, 3);
    server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry,
      ready: () => reasons,
      about: () => ({ backend: 'wasm' }),
    });
  });
  afterAll(() => server.stop());
  const get = (path: string, init?: RequestInit) => fetch(server.url + path, init);

  test('is ready when there is no reason against it', async () => {
    reasons = [];
    const response = await get('/health/ready');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', reasons: [], backend: 'wasm' });
  });

  test('says why it is not ready, and lives on', async () => {
    reasons = ['ClickHouse does not answer'];
    const response = await get('/health/ready?verbose');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 'unavailable',
      reasons: ['ClickHouse does not answer'],
    });
    expect((await get('/health/live')).status).toBe(200);
  });

  test('shows the figures', async () => {
    const text = await (await get('/metrics')).text();
    expect(text).toContain('riskwire_sink_rows_total{table="risks",service="sink"} 3');
  });

  test('answers nothing else', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405);
  });

  test('a check that fails is an answer, too', async () => {
    const broken = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry,
      ready: () => Promise.reject(new Error('no')),
    });
    const response = await fetch(`${broken.url}/health/ready`);
    expect(response.status).toBe(500);
    await broken.stop();
  });

  test('a port that is taken is an error', async () => {
    const port = Number(new URL(server.url).port);
    await expect(
      startHealthServer({ host: '127.0.0.1', port, registry, ready: () => [] }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
