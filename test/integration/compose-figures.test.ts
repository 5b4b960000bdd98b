import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { alertMetrics, createRegistry, scorerMetrics, sinkMetrics } from '../../lib/metrics.js';
import { packageRoot } from '../../lib/paths.js';

const deploy = (path: string) => readFileSync(join(packageRoot(), 'deploy', path), 'utf8');

/** Every series name that the services expose, histograms with their three kinds. */
async function seriesNames(): Promise<Set<string>> {
  const names = new Set<string>();
  for (const make of [scorerMetrics, sinkMetrics, alertMetrics]) {
    const registry = createRegistry('any');
    make(registry);
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      const kinds = String(type) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      for (const kind of kinds) names.add(name + kind);
    }
  }
  return names;
}

interface Panel {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr?: string; rawSql?: string; datasource: { uid: string } }[];
}
const dashboard = JSON.parse(deploy('grafana/dashboards/riskwire.json')) as { panels: Panel[] };
const rules = (
  parse(deploy('prometheus/rules.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
  }
).groups.flatMap((group) => group.rules);
const expressions = [
  ...dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).flatMap(({ expr }) => (expr ? [{ where: panel.title, expr }] : [])),
  ),
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
];

test('dashboard and alert rules use only figures that the services expose', async () => {
  const exposed = await seriesNames();
  expect(expressions.length).toBeGreaterThan(25);
  const unknown = expressions.flatMap(({ where, expr }) =>
    [...expr.matchAll(/\b(?:riskwire|process|nodejs)_[a-z0-9_]+/g)]
      .map(([name]) => name)
      .filter((name) => !exposed.has(name))
      .map((name) => `${where}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

test('what an operator looks for first is on the dashboard', () => {
  const all = dashboard.panels
    .flatMap((panel) => panel.targets ?? [])
    .map(({ expr = '', rawSql = '' }) => expr + rawSql)
    .join('\n');
  for (const name of [
    'events_total',
    'consumer_lag',
    'batch_seconds',
    'risks_total',
    'incidents_total',
    'deliveries_total',
    'breaker_state',
    'sink_rows_total',
  ]) {
    expect(all).toContain(`riskwire_${name}`);
  }
});

test('panels have data sources that are provisioned, and do not lie on one another', () => {
  const { datasources } = parse(deploy('grafana/provisioning/datasources/riskwire.yml')) as {
    datasources: { uid: string }[];
  };
  const uids = datasources.map(({ uid }) => uid);
  for (const panel of dashboard.panels)
    for (const { datasource } of panel.targets ?? []) expect(uids).toContain(datasource.uid);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
});

test('every alert says what is wrong and what to do', () => {
  for (const { alert, annotations } of rules)
    expect([alert, annotations]).toEqual([
      alert,
      { summary: expect.any(String), action: expect.any(String) },
    ]);
});

test('Prometheus scrapes the ports that the services listen on', () => {
  const { services } = parse(readFileSync(join(packageRoot(), 'docker-compose.yml'), 'utf8'), {
    merge: true,
  }) as {
    services: Record<string, { environment?: Record<string, string> }>;
  };
  const { scrape_configs } = parse(deploy('prometheus/prometheus.yml')) as {
    scrape_configs: { job_name: string; dns_sd_configs?: { names: string[]; port: number }[] }[];
  };
  const scraped = scrape_configs.flatMap(({ dns_sd_configs = [] }) =>
    dns_sd_configs.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
  );
  const listening = ['scorer', 'sink', 'alert-api'].map(
    (name) => `${name}:${services[name]?.environment?.['RISKWIRE_PORT']}`,
  );
  expect(scraped.sort()).toEqual(listening.sort());
});
