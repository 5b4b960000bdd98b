const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** '500ms', '30s', '15m', '1h', '7d' → milliseconds. Throws a RangeError that says what is accepted. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = match && MILLISECONDS[match[2] ?? ''];
  if (!match || !unit) {
    throw new RangeError(
      `"${text}" is not a duration: write a number and a unit, such as 500ms, 30s, 15m, 1h or 7d`,
    );
  }
  return Number(match[1]) * unit;
}

/** Milliseconds → the shortest text that parseDuration reads back: 900000 → '15m'. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = MILLISECONDS[unit] ?? 1;
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}
