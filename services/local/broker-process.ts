import { liveWithParent } from './child-life.js';
import { startKafkaServer } from './kafka/server.js';
import { listenFault } from './ports.js';

/** Process of the local broker: `node broker-process.js PORT`. Prints `{"port":PORT}` when it can be used. */
const port = Number(process.argv[2]);
startKafkaServer(port).then(
  (server) => {
    liveWithParent(server.stop);
    process.stdout.write(`${JSON.stringify({ port: server.port })}\n`);
  },
  (error: Error) => {
    process.stderr.write(`${listenFault(error, port).message}\n`);
    process.exit(1);
  },
);
