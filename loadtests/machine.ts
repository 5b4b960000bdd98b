import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

/** Where things run: the broker and the load test itself on one core, what is measured on the others. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** whether processes can be bound to cores here: Linux with `taskset`, two cores or more */
  readonly pins: boolean;
}

export const BROKER_CORE = 0;
/** the core of what is measured alone */
export const CONTENDER_CORE = 1;

export function thisMachine(): Machine {
  const cores = availableParallelism();
  const taskset = spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
    pins: taskset && cores > 1 && process.platform === 'linux',
  };
}

/** Binds this process, and with it all that it starts unless it says otherwise, to one core. */
export function bindThisProcess(machine: Machine, core: number): void {
  if (!machine.pins) return;
  const args = ['--all-tasks', '--cpu-list', '--pid', String(core), String(process.pid)];
  const { status, stderr } = spawnSync('taskset', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset ${args.join(' ')} failed: ${stderr.trim()}`);
}

/** A command bound to cores, as spawn takes it; unchanged where nothing is bound. */
export function onCores(
  machine: Machine,
  cores: readonly number[] | undefined,
  command: string,
  args: readonly string[],
): { command: string; args: string[] } {
  if (!machine.pins || cores === undefined) return { command, args: [...args] };
  return { command: 'taskset', args: ['--cpu-list', cores.join(','), command, ...args] };
}
