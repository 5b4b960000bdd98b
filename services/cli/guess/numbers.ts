import type { Cell } from '../../../lib/table-files/table.js';

export type DecimalSign = '.' | ',';

const NOTHING = new Set([
  '',
  '-',
  '--',
  '—',
  'na',
  'n/a',
  '#n/a',
  'nan',
  'null',
  'none',
  'nil',
  '\\n',
  '无',
  '空',
  '缺失',
]);

/** Whether a cell says that there is no value. */
export function isMissing(cell: Cell): boolean {
  if (typeof cell === 'number') return Number.isNaN(cell);
  return cell === null || (typeof cell === 'string' && NOTHING.has(cell.trim().toLowerCase()));
}

const POINT = /^[-+]?(\d{1,3}([,\u00a0\u202f '’]\d{3})+|\d+)?(\.\d*)?(e[-+]?\d+)?$/i;
const COMMA = /^[-+]?(\d{1,3}([.\u00a0\u202f '’]\d{3})+|\d+)?(,\d*)?(e[-+]?\d+)?$/i;

/** A number as people write it: grouped thousands, a currency or per cent sign, a Unicode minus. NaN if it is none. */
export function parseNumber(cell: Cell, decimal: DecimalSign): number {
  if (typeof cell === 'number') return cell;
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (typeof cell !== 'string') return Number.NaN;
  const text = cell
    .trim()
    .replace(/^([-−+]?)\s*[$€£¥￥]\s*/u, '$1')
    .replace(/\s*[%％$€£¥￥元]$/u, '')
    .replace('−', '-');
  if (text === '' || !/\d/.test(text)) return Number.NaN;
  if (decimal === '.') return POINT.test(text) ? Number(text.replace(/[,\u00a0\u202f '’]/g, '')) : Number.NaN;
  return COMMA.test(text) ? Number(text.replace(/[.\u00a0\u202f '’]/g, '').replace(',', '.')) : Number.NaN;
}

/**
 * Which sign the fractions of these cells have. '1,234' alone doesn't tell (it may be a thousand); fractions of
 * any other length than three do.
 */
export function decimalSignOf(cells: Iterable<Cell>): DecimalSign {
  let points = 0;
  let commas = 0;
  for (const cell of cells) {
    if (typeof cell !== 'string') continue;
    const text = cell.trim();
    if (/^[-+−]?\d+\.(\d{1,2}|\d{4,})$/.test(text) || /^[-+−]?\d{1,3}(,\d{3})+\.\d+$/.test(text)) points++;
    else if (/^[-+−]?\d+,(\d{1,2}|\d{4,})$/.test(text) || /^[-+−]?\d{1,3}(\.\d{3})+,\d+$/.test(text))
      commas++;
    else if (/^[-+−]?0,\d{3}$/.test(text)) commas++;
    else if (/^[-+−]?0\.\d{3}$/.test(text)) points++;
  }
  return commas > points ? ',' : '.';
}
