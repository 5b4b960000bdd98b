/** Says of a failed listen what to do about it; other errors stay as they are. */
export function listenFault(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code !== 'EADDRINUSE') return error;
  return new Error(
    `port ${port} of 127.0.0.1 is taken: stop the program that listens there or give another port`,
    {
      cause: error,
    },
  );
}
