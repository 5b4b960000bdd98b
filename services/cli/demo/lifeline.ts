const STOP_MS = 5000;

/**
 * Ends this process when the one that started it is gone, however it went: the parent holds the other end of the IPC
 * channel, which then closes. It gets the chance to stop in order first.
 */
export function endWithParent(): void {
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), STOP_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  // waiting for that alone must not keep a command alive that is done
  process.channel?.unref();
}
