import { parseMetrics, quantileOf, sumOf } from './prometheus.js';

const PAGE = `# HELP riskwire_events_total events read
# TYPE riskwire_events_total counter
riskwire_events_total{pipeline="transactions",service="scorer"} 120
riskwire_events_total{pipeline="production",service="scorer"} 30

riskwire_breaker_state{endpoint="say \\"hi\\""} 2
riskwire_batch_seconds_bucket{le="0.01",pipeline="transactions"} 50
riskwire_batch_seconds_bucket{le="0.1",pipeline="transactions"} 90
riskwire_batch_seconds_bucket{le="+Inf",pipeline="transactions"} 100
`;

describe('reading a /metrics page', () => {
  const samples = parseMetrics(PAGE);

  test('sums a counter, all of it or by label', () => {
    expect(sumOf(samples, 'riskwire_events_total')).toBe(150);
    expect(sumOf(samples, 'riskwire_events_total', { pipeline: 'production' })).toBe(30);
    expect(sumOf(samples, 'riskwire_events_total', { pipeline: 'unknown' })).toBe(0);
  });

  test('unescapes label values', () => {
    expect(samples.find(({ name }) => name === 'riskwire_breaker_state')?.labels).toEqual({
      endpoint: 'say "hi"',
    });
  });

  test('refuses a line that is none', () => {
    expect(() => parseMetrics('<html>')).toThrow('not a line of a /metrics page');
  });

  test('interpolates quantiles inside their bucket', () => {
    expect(quantileOf(0.25, samples, 'riskwire_batch_seconds')).toBeCloseTo(0.005, 6);
    expect(quantileOf(0.7, samples, 'riskwire_batch_seconds')).toBeCloseTo(0.055, 6);
    expect(quantileOf(0.99, samples, 'riskwire_batch_seconds')).toBe(0.1);
    expect(quantileOf(0.5, samples, 'riskwire_insert_seconds')).toBeNaN();
  });

  test('looks at what was observed since an earlier page', () => {
    const later = parseMetrics(
      PAGE.replace('le="0.1",pipeline="transactions"} 90', 'le="0.1",pipeline="transactions"} 190').replace(
        '"} 100',
        '"} 200',
      ),
    );
    // 100 more, all of them between 10 and 100 ms
    expect(quantileOf(0.5, later, 'riskwire_batch_seconds', {}, samples)).toBeCloseTo(0.055, 6);
  });
});
