// How pages look. Every colour is a custom property, so that one drawing serves light, dark and print.

const light = `
--paper: #ffffff; --panel: #f6f7f8; --ink: #1c2024; --quiet: #5b646d; --rule: #d9dde1; --grid: #e8eaed;
--good: #1a7f37; --good-panel: #eaf6ec; --bad: #c4232b; --bad-panel: #fdeeee;
--series-1: #1f6fb4; --series-2: #c2600a; --series-3: #4d8f3a; --series-4: #7d57b0; --limit: #c4232b;`;

const dark = `
--paper: #15181b; --panel: #1d2125; --ink: #e4e7ea; --quiet: #9aa4ae; --rule: #363c42; --grid: #2a2f34;
--good: #57c26f; --good-panel: #17291c; --bad: #ff7b78; --bad-panel: #331a1b;
--series-1: #6cb1ee; --series-2: #f0964a; --series-3: #86c774; --series-4: #b79be8; --limit: #ff7b78;`;

const seriesRules = [1, 2, 3, 4]
  .map(
    (n) =>
      `.line.s${n} { stroke: var(--series-${n}); } .dot.s${n}, .bar.s${n}, .area.s${n} { fill: var(--series-${n}); } .key.s${n} { background: var(--series-${n}); }`,
  )
  .join('\n');

/** Where three or four texts do not fit, the last would stand alone below: the first has the left, all others the right. */
const pairedTexts = [3, 4]
  .map(
    (count) =>
      `.texts .columns.of-${count} { grid-template-columns: repeat(2, minmax(0, 1fr)); grid-template-rows: repeat(${count - 2}, auto) 1fr; }
  .of-${count} > :first-child { grid-row: 1 / span ${count - 1}; } .of-${count} > :not(:first-child) { grid-column: 2; }`,
  )
  .join('\n  ');

export const styleSheet = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
body { margin: 0 auto; max-width: 1180px; padding: 20px 24px 40px; background: var(--paper); color: var(--ink); }
h1 { font-size: 20px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 30px 0 8px; padding-top: 10px; border-top: 1px solid var(--rule); }
h3, h4, h5 { margin: 0; font-size: 13px; font-weight: 600; }
h4 span, h5 span { font-weight: 400; color: var(--quiet); }
p { margin: 4px 0; }
header p, footer, .lead, .context, figcaption .about, .absent { color: var(--quiet); }
.lead { max-width: 92ch; margin-bottom: 10px; }
footer { margin-top: 30px; padding-top: 8px; border-top: 1px solid var(--rule); font-size: 12px; }
.absent { font-style: italic; }
code, pre { font: 12px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
pre { margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.command, pre.shown { background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: 6px 8px; }
pre.shown { unicode-bidi: plaintext; }
data.value { font-variant-numeric: tabular-nums; white-space: nowrap; }

.verdict { border: 1px solid var(--rule); border-left: 6px solid var(--quiet); background: var(--panel); border-radius: 4px;
  margin: 14px 0; padding: 10px 16px; display: grid; grid-template-columns: auto 1fr; column-gap: 24px; align-items: start; }
.verdict.good { border-left-color: var(--good); } .verdict.bad { border-left-color: var(--bad); }
.verdict-title { font-size: 26px; font-weight: 700; line-height: 1.2; margin: 0; }
.verdict.good .verdict-title, .judgement.good strong, .good-text { color: var(--good); }
.verdict.bad .verdict-title, .judgement.bad strong, .bad-text { color: var(--bad); }
.verdict-text { margin: 0; } .judgement { margin: 1px 0; }
.notes { grid-column: 1 / -1; margin: 8px 0 0; padding: 8px 0 0 18px; border-top: 1px solid var(--rule); }
.notes li { white-space: pre-line; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(172px, 1fr)); gap: 8px; }
.card { border: 1px solid var(--rule); border-radius: 4px; padding: 7px 11px; break-inside: avoid; }
.card.bad { border-color: var(--bad); background: var(--bad-panel); }
.card h3 { font-size: 12px; font-weight: 400; color: var(--quiet); }
.figure { font-size: 21px; font-weight: 600; margin: 0; line-height: 1.25; white-space: nowrap; }
.figure .unit { font-size: 12px; font-weight: 400; color: var(--quiet); }
.context { font-size: 12px; margin: 0; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 14px 22px; margin: 8px 0; }
figure { margin: 0; min-width: 0; max-width: 640px; break-inside: avoid; }
figcaption { font-weight: 600; font-size: 13px; }
figcaption .about { font-weight: 400; font-size: 12px; display: block; }
.legend { font-size: 12px; color: var(--quiet); margin: 0; min-height: 17px; }
.legend span { margin-right: 14px; white-space: nowrap; }
.key { display: inline-block; width: 14px; height: 3px; vertical-align: middle; margin-right: 5px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: var(--quiet); }
svg text.strong { fill: var(--ink); } svg text.limit { fill: var(--limit); }
svg text.halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--grid); } .axis { stroke: var(--quiet); }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.line.limit { stroke: var(--limit); stroke-dasharray: 5 3; stroke-width: 1.3; }
.line.reference { stroke: var(--quiet); stroke-dasharray: 2 3; stroke-width: 1; }
.line.whisker { stroke-width: 1; opacity: 0.55; }
.line.range { stroke: var(--series-1); }
.area { opacity: 0.14; } .bar { opacity: 0.75; } .dot.cloud { opacity: 0.45; }
.dot.hollow { fill: var(--paper); stroke: var(--series-1); stroke-width: 1.6; }
.dot.half { fill: var(--series-1); fill-opacity: 0.45; stroke: var(--series-1); stroke-width: 1.2; }
${seriesRules}

.table { overflow-x: auto; margin: 6px 0; }
table { border-collapse: collapse; font-size: 13px; }
caption { text-align: left; color: var(--quiet); padding-bottom: 3px; }
th, td { padding: 2px 14px 2px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); font-weight: 400; }
thead th { color: var(--quiet); font-size: 12px; border-bottom-color: var(--rule); vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details.fold { margin: 6px 0; } details details { margin-left: 14px; }
summary { cursor: pointer; color: var(--quiet); font-size: 13px; }
summary:hover { color: var(--ink); }
small { font-size: 11px; color: var(--quiet); white-space: nowrap; }
figure summary { font-size: 12px; }
figure .table { max-height: 260px; overflow: auto; }
.pairs { display: grid; align-content: start; grid-template-columns: minmax(110px, max-content) minmax(0, 1fr); gap: 1px 16px; margin: 6px 0; font-size: 13px; }
.pairs dt { color: var(--quiet); overflow-wrap: anywhere; } .pairs dd { margin: 0; overflow-wrap: anywhere; }
.texts { margin: 12px 0; break-inside: avoid; }
.texts .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px; }
@media print, (min-width: 520px) and (max-width: 980px) { ${pairedTexts} }

@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; ${light} }
  html { font-size: 11px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; }
  h2, h4, .lead, summary { break-after: avoid; } h2 { margin-top: 18px; }
  footer { break-before: avoid; }
  .cards { grid-template-columns: repeat(4, 1fr); }
  .charts { grid-template-columns: 1fr 1fr; gap: 12px 18px; }
  .verdict, tr { break-inside: avoid; }
  .screen-only { display: none; } .texts { padding-right: 1px; }
  .table, figure .table { overflow: visible; max-height: none; }
  th, td { padding-right: 8px; } small { white-space: normal; }
  details.fold::details-content { content-visibility: visible; display: block; height: auto; }
  summary { list-style: none; font-weight: 600; color: var(--ink); } summary::-webkit-details-marker { display: none; }
}
`;
