// npm run bench:quality: installs and builds what is missing, then measures. `-- --help` lists suites and options.
import { ensure } from './ensure.mjs';

ensure();
const { main } = await import('../dist/loadtests/quality/main.js');
await main(process.argv);
