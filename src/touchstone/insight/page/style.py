"""The style sheet of the page: calm, dense, on paper too."""

from touchstone.insight.charts import style

CSS = (
    style.CSS
    + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 1240px; margin: 0 auto; padding: 20px 20px 48px; }
h1 { font-size: 22px; margin: 0 0 2px; font-weight: 650; }
h2 { font-size: 17px; margin: 30px 0 10px; padding-bottom: 4px; border-bottom: 1px solid var(--faint);
  font-weight: 650; }
h3 { font-size: 14px; margin: 0; font-weight: 650; }
p { margin: 6px 0; }
code { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--wash); padding: 1px 4px;
  border-radius: 3px; overflow-wrap: anywhere; }
.meta, .question, .note, .detail, .empty { color: var(--soft); }
.meta, .note { font-size: 12.5px; overflow-wrap: anywhere; }
.question { font-size: 12.5px; margin: 1px 0 8px; }
.note { margin-top: 8px; }
.empty { background: var(--wash); border: 1px dashed var(--faint); border-radius: 6px; padding: 10px 12px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 1px; margin: 16px 0;
  background: var(--card); border: 1px solid var(--faint); border-radius: 8px; overflow: hidden; }
.figure { background: var(--card); box-shadow: 0 0 0 1px var(--faint); padding: 10px 12px; min-width: 0;
  display: flex; flex-direction: column; }
.figure .name { font-size: 12px; color: var(--soft); }
.figure .value { font-size: 19px; font-weight: 650; white-space: nowrap; }
.figure .detail { font-size: 12px; }
.figure svg { margin-top: 6px; max-width: 150px; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.grid { columns: 3 350px; column-gap: 14px; }
.panel { border: 1px solid var(--faint); border-radius: 8px; padding: 12px 14px; background: var(--card); min-width: 0;
  margin: 0 0 14px; break-inside: avoid; }
.wide-panel { column-span: all; margin-top: 14px; } .wide-panel:first-child { margin-top: 0; }
.multiples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 210px), 1fr)); gap: 12px; }
.multiples svg.chart { max-width: 280px; } .pair .panel svg.chart { max-width: 480px; }
figure { margin: 0; min-width: 0; } figcaption { font-size: 12.5px; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 4px; font-size: 12px; color: var(--soft); }
.key { display: inline-flex; align-items: center; gap: 5px; } svg.swatch { width: 18px; height: 8px; flex: none; }
.scroll { overflow-x: auto; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.pair .figures { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
.side { font-size: 13px; font-weight: 700; color: var(--soft); margin: 0; }
article { border-top: 3px solid var(--faint); margin-top: 40px; padding-top: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; }
th { text-align: left; font-weight: 600; color: var(--soft); white-space: nowrap; }
th, td { padding: 3px 8px 3px 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
.panel:not(.wide-panel) th { white-space: normal; vertical-align: bottom; }
.chip { display: inline-block; font-size: 11px; font-weight: 650; padding: 1px 7px; border-radius: 9px;
  white-space: nowrap; border: 1px solid currentColor; }
.chip.soft { color: var(--soft); }
ol.findings { list-style: none; margin: 0; padding: 0; display: grid; gap: 10px; }
.finding { border: 1px solid var(--faint); border-left: 4px solid var(--soft); border-radius: 6px; padding: 10px 14px;
  background: var(--card); }
.finding.critical, .finding.high { border-left-color: var(--bad); } .finding.medium { border-left-color: var(--warn); }
.finding h3 { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; }
.finding ul { margin: 6px 0; padding-left: 18px; } .finding li { margin: 1px 0; overflow-wrap: anywhere; }
.finding .sizes { font-size: 13px; } .finding .action { margin: 6px 0 0; }
.calm { border-left-color: var(--good); }
.for-narrow { display: none; }
details summary { cursor: pointer; color: var(--soft); font-size: 12.5px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; background: var(--wash); padding: 10px;
  border-radius: 6px; }
footer { margin-top: 30px; }
@media (max-width: 640px) {
  .pair { grid-template-columns: minmax(0, 1fr); }
  main { padding: 12px 10px 32px; } .for-wide { display: none; } .for-narrow { display: block; }
  .figures { grid-template-columns: repeat(2, 1fr); } .figure .value { font-size: 17px; }
  .panel { padding: 10px; }
}
@media print {
  @page { size: A4; margin: 12mm; }
  body { font-size: 11px; } main { max-width: none; padding: 0; } h2 { break-after: avoid; margin-top: 20px; }
  .panel, .finding, .figures, figure { break-inside: avoid; } .scroll { overflow: visible; }
  .grid { columns: 2; column-gap: 10px; } .multiples { grid-template-columns: repeat(3, 1fr); }
  .for-wide { display: block; } .for-narrow { display: none; } table { font-size: 10px; }
  .finding .sizes, .question, .note, .empty, .legend, .meta { font-size: 10px; }
}
"""
)
