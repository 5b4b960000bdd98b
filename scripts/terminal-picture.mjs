// biome-ignore-all lint/suspicious/noControlCharactersInRegex: the escape character is what a terminal's commands start with
// Turns a terminal recording of the demo into a picture: the last whole frame that it drew, as SVG.
//   script -qfec "stty cols 120 rows 40; node bin/riskwire.mjs demo --for 60s" demo.recording
//   node scripts/terminal-picture.mjs demo.recording docs/images/demo.svg
import { readFileSync, writeFileSync } from 'node:fs';

const CELL = { width: 8.4, height: 18 };
const PADDING = 16;
const COLOURS = { 30: '#1d2129', 31: '#f0716f', 32: '#7fc77a', 33: '#e5b567', 36: '#5cc2d0', 90: '#8a919c' };
const TEXT = '#d7dae0';
const GROUND = '#1d2129';

/** Frames begin where the cursor goes up to draw over the frame before. `pick` chooses among them. */
export function framesOf(recording) {
  const start = recording.indexOf('\u001b[?25l');
  const end = recording.lastIndexOf('\u001b[?25h');
  const drawn = recording.slice(start < 0 ? 0 : start + 6, end < 0 ? undefined : end);
  return drawn
    .split(/\u001b\[\d+A\r/)
    .map((frame) => frame.replace(/\u001b\[0?[JK]/g, '').replaceAll('\r', ''));
}

/** One line as runs of text with the same look. */
export function runsOf(line) {
  const runs = [];
  let look = { bold: false, dim: false, colour: undefined };
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part);
    if (!codes) {
      if (part) runs.push({ text: part, ...look });
      continue;
    }
    for (const code of codes[1].split(';').map(Number)) {
      if (code === 0) look = { bold: false, dim: false, colour: undefined };
      else if (code === 1) look = { ...look, bold: true };
      else if (code === 2) look = { ...look, dim: true };
      else if (COLOURS[code]) look = { ...look, colour: COLOURS[code] };
    }
  }
  return runs;
}

const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const columns = (text) =>
  [...text].reduce(
    (sum, character) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1),
    0,
  );

export function pictureOf(frame) {
  const lines = frame.replace(/\n+$/, '').split('\n');
  const widest = Math.max(
    ...lines.map((line) => runsOf(line).reduce((sum, { text }) => sum + columns(text), 0)),
  );
  const width = Math.ceil(widest * CELL.width + 2 * PADDING);
  const height = lines.length * CELL.height + 2 * PADDING;
  const texts = lines.flatMap((line, row) => {
    let column = 0;
    return runsOf(line).map(({ text, bold, dim, colour }) => {
      const x = (PADDING + column * CELL.width).toFixed(1);
      const y = PADDING + row * CELL.height + 13;
      const length = (columns(text) * CELL.width).toFixed(1);
      column += columns(text);
      if (text.trim() === '') return '';
      const style = `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.65"' : ''}`;
      return `<text x="${x}" y="${y}" textLength="${length}" fill="${colour ?? TEXT}"${style}>${escapeXml(text)}</text>`;
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The Riskwire demo in a terminal">`,
    `<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" style="white-space:pre" xml:space="preserve">',
    ...texts.filter(Boolean),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

if (process.argv[1]?.endsWith('terminal-picture.mjs')) {
  const [recording, target, wanted] = process.argv.slice(2);
  if (!recording || !target) {
    console.error(
      'usage: node scripts/terminal-picture.mjs RECORDING TARGET.svg [FRAME NUMBER, negative from the end]',
    );
    process.exit(2);
  }
  const frames = framesOf(readFileSync(recording, 'utf8'));
  const frame = frames.at(wanted === undefined ? -1 : Number(wanted));
  if (!frame) {
    console.error(`${recording} holds ${frames.length} frames; there is none numbered ${wanted}`);
    process.exit(1);
  }
  writeFileSync(target, pictureOf(frame));
  console.log(`${target}: frame ${wanted ?? frames.length} of ${frames.length}`);
}
