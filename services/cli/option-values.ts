import { InvalidArgumentError } from 'commander';

/** Reads an option's whole number; underscores may group its digits. */
export function whole(least: 0 | 1): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`write a whole number of at least ${least}.`);
    return value;
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('write a number above 0.');
  return value;
}
