// npm run loadtest: installs and builds what is missing, then measures on a real Kafka. `-- --help` lists the options.
import { ensure } from './ensure.mjs';

ensure();
const { main } = await import('../dist/loadtests/main.js');
await main(process.argv);
