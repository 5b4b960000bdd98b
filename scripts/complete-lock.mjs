// Completes package-lock.json with the packages that are for other machines than the one it was written on. npm leaves
// them out where a registry doesn't carry them, and `npm ci` then refuses the lock file everywhere. Run it after
// adding a dependency: node scripts/complete-lock.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure.mjs';

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const EXACT = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/;

/** Optional packages made for one kind of machine that the lock names a need for but doesn't list. */
export function missingFromLock(lock) {
  const missing = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const listed = lock.packages[`${path}/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`];
      if (listed || !EXACT.test(version)) continue;
      const words = name.split(/[/-]/);
      const os = SYSTEMS.find((system) => words.includes(system));
      const cpu = PROCESSORS.find((processor) => words.includes(processor));
      if (os && cpu) missing.push({ name, version, os, cpu, dev: entry.dev === true, words });
    }
  }
  return missing;
}

export function completed(lock) {
  const packages = { ...lock.packages };
  for (const { name, version, os, cpu, dev, words } of missingFromLock(lock)) {
    const libc = words.some((word) => word.startsWith('musl'))
      ? 'musl'
      : words.includes('gnu') || words.includes('glibc')
        ? 'glibc'
        : '';
    packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      ...(libc && { libc: [libc] }),
      optional: true,
      os: [os],
    };
  }
  const [first, ...rest] = Object.entries(packages);
  return {
    ...lock,
    packages: Object.fromEntries([first, ...rest.sort(([a], [b]) => a.localeCompare(b, 'en'))]),
  };
}

if (process.argv[1]?.endsWith('complete-lock.mjs')) {
  const path = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const missing = missingFromLock(lock);
  if (missing.length > 0) writeFileSync(path, `${JSON.stringify(completed(lock), null, 2)}\n`);
  console.log(`package-lock.json: ${missing.length} packages for other machines added`);
}
