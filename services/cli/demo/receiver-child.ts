import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../lib/paths.js';
import { endWithParent } from './lifeline.js';

/** The example receiver, which is written to be run alone, as a part of the demo. */
endWithParent();
import(pathToFileURL(join(packageRoot(), 'examples', 'receiver', 'receiver.mjs')).href).catch(
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
