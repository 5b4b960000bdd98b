/** What a command gives; when the program isn't there, an error that says what to do. */
export async function missingOr<T>(running: Promise<T>, program: string, remedy: string): Promise<T> {
  try {
    return await running;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(`${program} is not on PATH: ${remedy}`, { cause: error });
    throw error;
  }
}
