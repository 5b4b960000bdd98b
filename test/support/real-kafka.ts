import {
  DOWNLOAD_MS,
  type RealKafka,
  type RealKafkaOptions,
  realKafkaMissing,
  START_MS,
  startRealKafka,
} from '../../loadtests/support/real-kafka.js';

export {
  type RealKafka,
  type RealKafkaOptions,
  realKafkaMissing,
  startRealKafka,
} from '../../loadtests/support/real-kafka.js';

/**
 * A describe block with one real broker for all its tests. Where none can be started its tests are skipped with the
 * reason in their name; with CI=true they fail.
 */
export function describeWithRealKafka(
  name: string,
  tests: (broker: () => RealKafka) => void,
  options: RealKafkaOptions = {},
): void {
  const missing = realKafkaMissing();
  if (missing !== undefined && process.env['CI'] === 'true') {
    test(`${name}: a real Kafka broker is there`, () => {
      throw new Error(`no real Kafka broker can be started: ${missing}`);
    });
    return;
  }
  if (missing !== undefined) {
    describe.skip(`${name} (needs a real Kafka broker: ${missing})`, () => tests(() => absent(missing)));
    return;
  }
  describe(name, () => {
    let broker: RealKafka | undefined;
    beforeAll(async () => {
      broker = await startRealKafka(options);
    }, DOWNLOAD_MS + START_MS);
    afterAll(() => broker?.stop());
    tests(() => broker ?? absent('it did not start'));
  });
}

function absent(why: string): never {
  throw new Error(`there is no broker: ${why}`);
}
