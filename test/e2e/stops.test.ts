import { realKafkaMissing } from '../../loadtests/support/real-kafka.js';
import { faultsOf, runFaultSuite } from '../faults/suite.js';

const missing = realKafkaMissing();
const described = missing === undefined || process.env['CI'] === 'true' ? describe : describe.skip;

described(missing === undefined ? 'stops' : `stops (skipped: ${missing})`, () => {
  test('SIGTERM ends a service in time though Kafka is away, a second one at once, and nothing is lost by it', async () => {
    const lines: string[] = [];
    const report = await runFaultSuite({
      seed: 3,
      events: 20_000,
      forMs: 40_000,
      mostPauseMs: 1_000,
      only: [
        'two SIGTERMs for scorer',
        'two SIGTERMs for sink',
        'two SIGTERMs for alert-api',
        'scorer stops while kafka is away',
        'sink stops while kafka is away',
        'alert-api stops while kafka is away',
      ],
      say: (line) => lines.push(line),
      signal: AbortSignal.timeout(230_000),
    }).catch((error: unknown) => {
      throw new Error(`the suite failed after: ${lines.slice(-5).join(' | ')}`, { cause: error });
    });
    // A service that is not gone in time is among these.
    expect(faultsOf(report)).toEqual([]);
    expect(report.faults).toBeGreaterThanOrEqual(3);
  }, 240_000);
});
