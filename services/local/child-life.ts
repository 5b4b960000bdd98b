/**
 * Ends this process once whoever started it lets go of its stdin: asked to stop, or dead. Ctrl-C reaches a terminal's
 * whole process group; the starter alone decides what stops when, so it is ignored here.
 */
export function liveWithParent(stop: () => Promise<void>): void {
  process.on('SIGINT', () => {});
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    stop().then(
      () => process.exit(0),
      (error) => {
        process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.stdin.on('end', end).on('error', end).resume();
}
