import { liveWithParent } from './child-life.js';
import { startKafkaServer } from './kafka/server.js';

/** Process of the local broker: `node broker-process.js PORT`. Prints `{"port":PORT}` when it can be used. */
startKafkaServer(Number(process.argv[2])).then(
  ({ port, stop }) => {
    liveWithParent(stop);
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  },
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
