import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../../../lib/paths.js';
import { examples } from '../settings.js';

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  )
    return manifest.version;
  throw new Error(`package.json in ${packageRoot()} names no version; install riskwire again`);
}

export function versionCommand(): Command {
  const command = new Command('version')
    .description('print the versions of riskwire and Node')
    .option('--json', 'print one JSON object');
  examples(command, ['riskwire version', 'riskwire version --json']);
  return command.action((options: { json?: boolean }) => {
    const versions = {
      riskwire: packageVersion(),
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    };
    const line = options.json
      ? JSON.stringify(versions)
      : `riskwire ${versions.riskwire} (Node ${versions.node}, ${versions.platform})`;
    process.stdout.write(`${line}\n`);
  });
}
