import type { CurvePoint } from '../../detection/training/curve.js';

type Curves = Readonly<Record<string, readonly CurvePoint[]>>;

/** As the manifest keeps them. */
export function curvesOf(curves: Curves): Record<string, number[][]> {
  const short = (value: number) => Number(value.toPrecision(6));
  return Object.fromEntries(
    Object.entries(curves).map(([name, points]) => [
      name,
      points.map(({ epoch, learned, heldOut }) => [epoch, short(learned), short(heldOut)]),
    ]),
  );
}

const WIDTH = 360;
const HEIGHT = 240;
const LEFT = 56;
const TOP = 34;
const BOTTOM = 34;
const RIGHT = 12;
const LINES = [
  { field: 'learned', colour: '#4477aa', label: 'learned from' },
  { field: 'heldOut', colour: '#cc6677', label: 'held out' },
] as const;

/** The losses by epoch as a picture, a panel a model: SVG without script or font, for the model card. */
export function curvePicture(curves: Curves): string {
  const panels = Object.entries(curves).map(
    ([name, points], index) => `<g transform="translate(${index * WIDTH} 0)">${panel(name, points)}</g>`,
  );
  const width = Math.max(1, panels.length) * WIDTH;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#333333"><title>Losses by epoch</title><rect width="${width}" height="${HEIGHT}" fill="#ffffff"/>${panels.join('')}</svg>\n`;
}

function panel(name: string, points: readonly CurvePoint[]): string {
  const values = points.flatMap(({ learned, heldOut }) => [learned, heldOut]).filter(Number.isFinite);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const last = Math.max(1, ...points.map(({ epoch }) => epoch));
  const x = (epoch: number) => LEFT + (epoch / last) * (WIDTH - LEFT - RIGHT);
  const y = (loss: number) => TOP + (1 - (loss - low) / span) * (HEIGHT - TOP - BOTTOM);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => low + part * span);
  const best = points.reduce((a, b) => (b.heldOut < a.heldOut ? b : a), points[0]!);
  const lines = LINES.map(({ field, colour, label }, index) => {
    const path = points
      .map((point) => `${x(point.epoch).toFixed(1)},${y(point[field]).toFixed(1)}`)
      .join(' ');
    const at = WIDTH - RIGHT - 150 + index * 82;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/><text x="${at}" y="16" fill="${colour}">${label}</text>`;
  });
  const grid = ticks.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#dddddd"/><text x="${LEFT - 4}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${Number(tick.toPrecision(3))}</text>`,
  );
  const epochs = [...new Set([0, Math.round(last / 2), last])].map(
    (epoch) =>
      `<text x="${x(epoch).toFixed(1)}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${epoch}</text>`,
  );
  return `<text x="${LEFT}" y="16" font-weight="bold">${name}</text>${grid.join('')}${epochs.join('')}<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 5}" text-anchor="middle">epoch</text>${lines.join('')}<circle cx="${x(best.epoch).toFixed(1)}" cy="${y(best.heldOut).toFixed(1)}" r="3.5" fill="none" stroke="#cc6677"><title>kept: epoch ${best.epoch}, ${best.heldOut}</title></circle>`;
}
