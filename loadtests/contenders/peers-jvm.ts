import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missingOr } from './missing-program.js';
import { builtOnce, peerSources } from './peer-cache.js';

const run = promisify(execFile);
const BUILD_MS = 15 * 60_000;

/** The JVM peers, built with Maven; returns the folder of their modules. */
export async function prepareJvm(say: (text: string) => void): Promise<string> {
  const missing = 'install Java 17 or later and Maven';
  await missingOr(run('java', ['-version']), 'java', missing);
  return builtOnce(
    'jvm',
    (name) => /\.(java|xml|onnx)$/.test(name),
    async (folder) => {
      say('building the JVM peers with Maven …');
      cpSync(peerSources('jvm'), folder, { recursive: true });
      const building = run('mvn', ['-B', '-q', 'package'], {
        cwd: folder,
        timeout: BUILD_MS,
        maxBuffer: 16 << 20,
      });
      await missingOr(building, 'mvn', missing);
    },
  );
}

/** The class path of a module. */
export function classPathOf(folder: string, module: string): string {
  const target = join(folder, module, 'target');
  return [join(target, `${module}-1.jar`), join(target, 'libs', '*')].join(':');
}
