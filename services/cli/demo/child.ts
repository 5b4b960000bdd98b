import { main } from '../main.js';
import { endWithParent } from './lifeline.js';

/** A part of the demo as a process of its own: one riskwire command. */
endWithParent();
main(process.argv).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
