import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the installed package: the nearest one above this file that holds migrations/ and schemas/. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'schemas'))) return folder;
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(
        'the riskwire package is incomplete: no folder with package.json and schemas/ above this file; install it again',
      );
    folder = parent;
  }
}
