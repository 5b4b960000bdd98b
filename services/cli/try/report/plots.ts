import { type Scale, scaleOf, ticksOf, timeTicks } from './axes.js';
import { escaped, svgNumber } from './html.js';

const WIDTH = 1080;
const LEFT = 64;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;

export interface PlotMark {
  readonly time: number;
  readonly value: number;
  readonly severity: string;
  /** number of the row in the table of risks, '' for none */
  readonly number: string;
  readonly tooltip: string;
}

export interface PlotData {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly marks: readonly PlotMark[];
  /** shaded stretches, epoch ms */
  readonly learned: readonly [number, number] | undefined;
  readonly labelled: readonly (readonly [number, number])[];
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly height: number;
  /** points instead of a line */
  readonly scattered: boolean;
  /** a line at this value */
  readonly threshold?: { readonly value: number; readonly text: string } | undefined;
  readonly fromZero?: boolean;
  /** what lies above is drawn at this height */
  readonly cap?: number;
  readonly words: { readonly learned: string; readonly labelled: string };
}

/** A plot over time as SVG: the values, shaded stretches, and risks as dots that tell their reasons. */
export function plot(data: PlotData): string {
  const { height } = data;
  const x = scaleOf(data.from, data.to, LEFT, WIDTH - RIGHT);
  const [low, high] = boundsOf(data);
  const whole = scaleOf(low, high, height - BOTTOM, TOP);
  const y = { ...whole, at: (value: number) => whole.at(Math.min(value, high)) };
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    shading(data, x),
    axes(data, x, y),
    data.scattered ? points(data, x, y) : line(data, x, y),
    thresholdLine(data, y),
    marks(data, x, y),
    '</svg>',
  ].join('');
}

function boundsOf({ values, marks: dots, threshold, fromZero, cap }: PlotData): [number, number] {
  let low = fromZero ? 0 : Number.POSITIVE_INFINITY;
  let high = threshold?.value ?? Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  for (const { value } of dots) if (Number.isFinite(value)) high = Math.max(high, value);
  if (!(high >= low)) return [0, 1];
  high = Math.min(high, cap ?? high);
  const margin = 0.05 * (high - low) || Math.abs(high) * 0.05 || 1;
  return [fromZero ? 0 : low - margin, high + margin];
}

function shading({ learned, labelled, height, words }: PlotData, x: Scale): string {
  const rect = (from: number, to: number, kind: string) => {
    const left = Math.max(LEFT, x.at(from));
    const right = Math.min(WIDTH - RIGHT, x.at(to));
    return `<rect class="${kind}" x="${svgNumber(left)}" y="${TOP}" width="${svgNumber(Math.max(2, right - left))}" height="${height - TOP - BOTTOM}"/>`;
  };
  let svg = '';
  if (learned !== undefined)
    svg += `${rect(learned[0], learned[1], 'learned')}<text class="note" x="${svgNumber(x.at(learned[0]) + 6)}" y="${TOP + 12}">${escaped(words.learned)}</text>`;
  for (const [from, to] of labelled)
    svg += rect(from, to, 'label').replace('/>', `><title>${escaped(words.labelled)}</title></rect>`);
  return svg;
}

function axes({ from, to, zone, height }: PlotData, x: Scale, y: Scale): string {
  let svg = '';
  for (const tick of ticksOf(y.from, y.to, Math.max(3, Math.floor(height / 50)))) {
    const at = svgNumber(y.at(tick));
    svg += `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="tick" x="${LEFT - 6}" y="${at}" dy="3.5" text-anchor="end">${escaped(shortNumber(tick))}</text>`;
  }
  for (const { ms, text } of timeTicks(from, to, 10, zone)) {
    const at = svgNumber(x.at(ms));
    const anchor = x.at(ms) > WIDTH - RIGHT - 40 ? 'end' : 'middle';
    svg += `<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${height - BOTTOM}"/><text class="tick" x="${at}" y="${height - BOTTOM + 16}" text-anchor="${anchor}">${escaped(text)}</text>`;
  }
  return svg;
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(1).replace('e+', 'e');
  return Number(value.toPrecision(6)).toString();
}

/** A line through many points, a pixel column's least and largest each: nothing that stands out is lost. */
function line({ times, values }: PlotData, x: Scale, y: Scale): string {
  let path = '';
  let column = Number.NaN;
  let inColumn: { first: number; low: number; high: number; last: number } | undefined;
  let pen = 'M';
  const flush = () => {
    if (inColumn === undefined) return;
    const { first, low, high, last } = inColumn;
    const seen = new Set<string>();
    for (const value of [first, low, high, last]) {
      const point = `${column} ${svgNumber(y.at(value))}`;
      if (seen.has(point)) continue;
      seen.add(point);
      path += `${pen}${point}`;
      pen = 'L';
    }
    inColumn = undefined;
  };
  for (let i = 0; i < times.length; i++) {
    const value = values[i]!;
    const at = Math.round(x.at(times[i]!));
    if (Number.isNaN(value)) {
      flush();
      pen = 'M';
      continue;
    }
    if (at !== column) {
      flush();
      column = at;
    }
    if (inColumn === undefined) inColumn = { first: value, low: value, high: value, last: value };
    else {
      inColumn.low = Math.min(inColumn.low, value);
      inColumn.high = Math.max(inColumn.high, value);
      inColumn.last = value;
    }
  }
  flush();
  return `<path class="line" d="${path}"/>`;
}

/** One dot for each pixel that has a value. */
function points({ times, values }: PlotData, x: Scale, y: Scale): string {
  const seen = new Set<string>();
  let path = '';
  for (let i = 0; i < times.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    const at = `${Math.round(x.at(times[i]!))} ${Math.round(y.at(values[i]!))}`;
    if (seen.has(at)) continue;
    seen.add(at);
    path += `M${at}h0`;
  }
  return `<path class="points" d="${path}"/>`;
}

function thresholdLine({ threshold }: PlotData, y: Scale): string {
  if (threshold === undefined) return '';
  const at = svgNumber(y.at(threshold.value));
  return `<line class="threshold" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="note" x="${WIDTH - RIGHT - 4}" y="${at}" dy="-4" text-anchor="end">${escaped(threshold.text)}</text>`;
}

function marks({ marks: dots, height }: PlotData, x: Scale, y: Scale): string {
  let svg = '';
  let lastLabel = Number.NEGATIVE_INFINITY;
  for (const { time, value, severity, number, tooltip } of dots) {
    const cx = x.at(time);
    const cy = Number.isFinite(value) ? y.at(value) : height - BOTTOM;
    const title = `<title>${escaped(tooltip)}</title>`;
    svg += `<circle class="risk ${severity}" cx="${svgNumber(cx)}" cy="${svgNumber(cy)}" r="${number === '' ? 2.5 : 4.5}">${title}</circle>`;
    if (number === '' || cx - lastLabel < 16) continue;
    lastLabel = cx;
    const above = cy - TOP > 18;
    svg += `<text class="number" x="${svgNumber(cx)}" y="${svgNumber(above ? cy - 8 : cy + 16)}" text-anchor="middle">${number}</text>`;
  }
  return svg;
}
