import { CommanderError } from 'commander';
import { ConfigError } from '../../lib/config.js';
import { DefinitionError } from '../../pipelines/yaml-faults.js';

/** A command that ran and didn't succeed; the message is all that a person needs. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** A command line or a setting that can't be used. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const SHOWN_AND_DONE = new Set(['commander.helpDisplayed', 'commander.version']);

export function exitCodeOf(error: unknown): 0 | 1 | 2 {
  if (error instanceof CommanderError) return SHOWN_AND_DONE.has(error.code) ? 0 : 2;
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof DefinitionError)
    return 2;
  return 1;
}

/** What is printed of an error: its message for the kinds that speak to people, the stack for a defect. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isDefect =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  return isDefect ? (error.stack ?? error.message) : error.message;
}
