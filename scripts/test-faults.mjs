// npm run test:faults: installs and builds what is missing, then disturbs and compares. `-- --help` lists the options.
import { ensure } from './ensure.mjs';

ensure();
const { main } = await import('../dist/test/faults/main.js');
await main(process.argv);
