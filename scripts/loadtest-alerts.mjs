// npm run loadtest:alerts: installs and builds what is missing, then measures the alert API. `-- --help` lists the options.
import { ensure } from './ensure.mjs';

ensure();
const { main } = await import('../dist/loadtests/alerts/main.js');
await main(process.argv);
