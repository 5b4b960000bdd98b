/** A table as text for people: aligned, or in Markdown. The first column is text, the others are numbers. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  markdown: boolean,
): string {
  if (markdown) {
    const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
    return line(header) + line(header.map((_, i) => (i === 0 ? '---' : '---:'))) + rows.map(line).join('');
  }
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}\n`;
  return line(header) + rows.map(line).join('');
}
