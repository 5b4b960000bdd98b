import { readFileSync } from 'node:fs';

/** USER_HZ of Linux on every architecture that Node runs on */
const TICKS_A_SECOND = 100;
const PAGE_BYTES = 4096;

/** CPU seconds, user and system, that a process has used; undefined where /proc isn't there or the process is gone. */
export function cpuSecondsOf(pid: number | undefined): number | undefined {
  const fields = statOf(pid);
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Bytes of a process in memory; undefined where /proc isn't there or the process is gone. */
export function residentBytesOf(pid: number | undefined): number | undefined {
  const fields = statOf(pid);
  return fields && Number(fields[21]) * PAGE_BYTES;
}

/** fields of /proc/PID/stat from the third on: the second holds the name, with whatever is in it */
function statOf(pid: number | undefined): string[] | undefined {
  if (pid === undefined) return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
