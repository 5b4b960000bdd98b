/** Text for HTML and SVG, attributes included. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A coordinate with as many digits as a screen shows. */
export function svgNumber(value: number): string {
  return (Math.round(value * 10) / 10).toString();
}

export const STYLE = `
:root { color-scheme: light; --ink: #1c2733; --soft: #5b6b7b; --line: #dfe5eb; --accent: #2867b2; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { margin: 0; font-size: 22px; } h2 { margin: 0 0 10px; font-size: 15px; }
.file { color: var(--soft); margin: 2px 0 18px; overflow-wrap: anywhere; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 16px 18px; margin-bottom: 16px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin-bottom: 16px; }
.tile { flex: 1 1 130px; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; } .tile span { color: var(--soft); font-size: 12.5px; }
h3 { margin: 12px 0 2px; font-size: 13px; font-weight: 600; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
.grid { stroke: #edf0f3; } .tick, .note { font-size: 11px; fill: var(--soft); }
.line { fill: none; stroke: var(--accent); stroke-width: 1; stroke-linejoin: round; }
.points { fill: none; stroke: var(--accent); stroke-opacity: .45; stroke-width: 2.2; stroke-linecap: round; }
.learned { fill: #e9edf1; } .label { fill: #f6c94d; fill-opacity: .38; }
.threshold { stroke: #98a5b3; stroke-dasharray: 4 3; }
.risk { stroke: #fff; stroke-width: .8; } .number { font-size: 11px; font-weight: 600; fill: var(--ink); paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.low { fill: #d99a06; background: #d99a06; } .medium { fill: #dd6b20; background: #dd6b20; } .high { fill: #cc3333; background: #cc3333; } .critical { fill: #86198f; background: #86198f; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--soft); font-weight: 600; font-size: 12.5px; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.until { color: var(--soft); } .scroll { overflow-x: auto; } .badge { color: #fff; border-radius: 4px; padding: 1px 7px; font-size: 12px; white-space: nowrap; }
.key-of-colours { display: flex; gap: 14px; flex-wrap: wrap; color: var(--soft); font-size: 12.5px; margin-top: 8px; }
.key-of-colours i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 5px; } .key-of-colours i.label { border-radius: 2px; background: #f6c94d; }
footer { color: var(--soft); font-size: 12.5px; }
`;
