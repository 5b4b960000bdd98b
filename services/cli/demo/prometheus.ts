/** One line of a /metrics page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text exposition format, as far as counters, gauges and histograms need it. */
export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) throw new Error(`not a line of a /metrics page: ${line.slice(0, 80)}`);
    const labels: Record<string, string> = {};
    for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(LABEL))
      labels[name] = unescapeLabel(value);
    samples.push({ name: match[1] ?? '', labels, value: parseValue(match[3] ?? '') });
  }
  return samples;
}

export function select(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const wanted = Object.entries(labels);
  return samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
}

export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return select(samples, name, labels).reduce((sum, { value }) => sum + value, 0);
}

/**
 * A quantile of a histogram, interpolated inside its bucket as Prometheus' histogram_quantile does. With `before`,
 * of what was observed since then. NaN when nothing was.
 */
export function quantileOf(
  q: number,
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
  before: readonly Sample[] = [],
): number {
  const counts = cumulative(samples, name, labels);
  for (const [bound, count] of cumulative(before, name, labels))
    counts.set(bound, (counts.get(bound) ?? 0) - count);
  const buckets = [...counts].sort(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return Number.NaN;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [upper, count] of buckets) {
    if (count >= rank) {
      // the last bucket has no upper bound: the best that can be said is its lower one
      if (!Number.isFinite(upper)) return lower;
      return count === below ? upper : lower + ((upper - lower) * (rank - below)) / (count - below);
    }
    lower = upper;
    below = count;
  }
  return lower;
}

function cumulative(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { labels: own, value } of select(samples, `${name}_bucket`, labels)) {
    const bound = parseValue(own['le'] ?? '');
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  return counts;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}

function unescapeLabel(text: string): string {
  return text.replace(/\\(.)/g, (_whole, character: string) => (character === 'n' ? '\n' : character));
}
