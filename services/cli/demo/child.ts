import { main } from '../main.js';

/**
 * A part of the demo as a process of its own: one riskwire command. Its parent holds the other end of the IPC
 * channel; when the parent is gone, however it went, the channel closes and this process ends too.
 */
const STOP_MS = 5000;

process.on('disconnect', () => {
  setTimeout(() => process.exit(1), STOP_MS).unref();
  process.kill(process.pid, 'SIGTERM');
});

// waiting for the parent's end alone must not keep a command alive that is done
process.channel?.unref();

main(process.argv).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
