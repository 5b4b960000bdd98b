import { CommanderError } from 'commander';
import { exitCodeOf, messageOf } from './exit.js';
import { createProgram } from './program.js';

/** Runs one command line. Exit codes: 0 done, 1 failed, 2 a command line or configuration that can't be used. */
export async function main(argv: string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    const code = exitCodeOf(error);
    // commander has said what it has to say already
    if (!(error instanceof CommanderError)) process.stderr.write(`riskwire: ${messageOf(error)}\n`);
    process.exitCode = code;
    // a failed command may leave a socket open; the timer holds nothing, it ends what something else holds
    if (code !== 0) setTimeout(() => process.exit(code), 1000).unref();
  }
}
