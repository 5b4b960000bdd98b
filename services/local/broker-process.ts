import { createRequire } from 'node:module';
import { liveWithParent } from './child-life.js';
import { type Gateway, startGateway } from './kafka-gateway.js';

/**
 * Process of the local broker: `node broker-process.js NATIVE_MODULE PORT`.
 *
 * The native library writes its log, which alone names the mock cluster's port, straight to file descriptor 1, where
 * this process can't read it. So the starter reads it from there and sends the port back, one line on stdin; then the
 * gateway opens and its port goes to stdout as `{"gateway":PORT}`.
 */
interface NativeModule {
  KafkaClientConfig: new (
    options: object,
  ) => { createProducer(options: object): { inFlightCount(): number } };
}

const [nativeModule, port] = process.argv.slice(2);
if (!nativeModule || !port) throw new Error('usage: broker-process.js NATIVE_MODULE PORT');

const native = createRequire(nativeModule)(nativeModule) as NativeModule;
const client = new native.KafkaClientConfig({
  brokers: '127.0.0.1:1', // replaced by the mock cluster's own
  clientId: 'riskwire-local-broker',
  logLevel: 'info', // below this the port is not told
  configuration: {},
});
// The cluster lives as long as this producer, which nothing else uses.
const owner = client.createProducer({ configuration: { 'test.mock.num.brokers': '1' } });

let gateway: Gateway | undefined;
liveWithParent(
  async () => {
    await gateway?.stop();
    owner.inFlightCount();
  },
  (line) => {
    startGateway(Number(line), Number(port)).then(
      (started) => {
        gateway = started;
        process.stdout.write(`${JSON.stringify({ gateway: started.port })}\n`);
      },
      (error: Error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
      },
    );
  },
);
