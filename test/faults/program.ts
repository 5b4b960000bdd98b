import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';

/** A change to the built program: in a file, exactly one place of this text becomes another. */
export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const PARTS = ['package.json', 'dist', 'schemas', 'pipelines', 'migrations', 'models'];

/**
 * A copy of the built program, so that a build or a training that goes on beside doesn't change what restarted
 * processes run. With `patches` it is a program with a fault put in, to see that the suite finds it.
 */
export async function copyProgram(folder: string, patches: readonly Patch[] = []): Promise<string> {
  const root = packageRoot();
  const copy = join(folder, 'program');
  await mkdir(copy, { recursive: true });
  await Promise.all(PARTS.map((part) => cp(join(root, part), join(copy, part), { recursive: true })));
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, from, to } of patches) {
    const path = join(copy, file);
    const text = await readFile(path, 'utf8');
    const found = text.split(from).length - 1;
    if (found !== 1) throw new Error(`${file} holds the text to patch ${found} times, not once: ${from}`);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }
  return copy;
}
