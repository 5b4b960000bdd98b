/** The import directions of ARCHITECTURE.md. An arrow that is not listed there fails the test command. */
const OWN = 'services|pipelines|detection|alerting|lib|loadtests|test';
const only = (from, allowed) => ({
  name: `${from}-imports`,
  comment: `${from}/ may import only: ${[from, ...allowed].join(', ')} and packages`,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: '\\.test\\.ts$' },
  to: { path: `^(${OWN})/`, pathNot: `^(${[from, ...allowed].join('|')})/` },
});
module.exports = {
  forbidden: [
    only('detection', []),
    only('alerting', []),
    only('lib', []),
    only('pipelines', ['detection']),
    only('services', ['pipelines', 'detection', 'alerting', 'lib']),
    {
      name: 'pure-cores',
      comment: 'detection/ and alerting/ are pure: no Kafka, ClickHouse, HTTP, files or processes',
      severity: 'error',
      from: { path: '^(detection|alerting)/', pathNot: '\\.test\\.ts$' },
      to: {
        path: [
          'node_modules/(kafkajs|@clickhouse|fastify|undici|pino|opossum|prom-client)/',
          '^(node:)?(fs|net|http|https|child_process|dns|tls|process)(/|$)',
        ],
      },
    },
    {
      name: 'services-apart',
      comment: 'a service imports no other service; cli and local start them as processes or by their main',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: ['^services/cli/', '\\.test\\.ts$'] },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tests-stay-tests',
      severity: 'error',
      from: { pathNot: '(\\.test\\.ts$|^test/)' },
      to: { path: '(\\.test\\.ts$|^test/)' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules|\\.parts)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
