"""Colours of the pictures (Okabe and Ito 2008, told apart by the colour-blind) for light, dark and print."""

CSS = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #57606a; --faint: #d8dee4; --paper: #ffffff; --card: #ffffff; --wash: #f6f8fa;
  --c0: #0072b2; --c1: #c2570c; --c2: #00795b; --c3: #9b4f83; --c4: #56a4d0; --c5: #8a6d00; --c6: #57606a;
  --good: #00795b; --bad: #c2410c; --warn: #8a6d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --soft: #9aa4af; --faint: #30363d; --paper: #0d1117; --card: #12171e; --wash: #171d25;
    --c0: #4ea8de; --c1: #f0883e; --c2: #2dbd93; --c3: #d58ec0; --c4: #86c5ea; --c5: #d6b23c; --c6: #9aa4af;
    --good: #2dbd93; --bad: #ff8552; --warn: #d6b23c;
  }
}
@media print {
  :root {
    --ink: #000; --soft: #444; --faint: #ccc; --paper: #fff; --card: #fff; --wash: #fff;
    --c0: #0072b2; --c1: #c2570c; --c2: #00795b; --c3: #9b4f83; --c4: #56a4d0; --c5: #8a6d00; --c6: #57606a;
    --good: #00795b; --bad: #c2410c; --warn: #8a6d00;
  }
}
svg.chart { display: block; width: 100%; height: auto; overflow: visible; font: 11px system-ui, sans-serif; }
svg.chart text { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg.chart text.ink { fill: var(--ink); }
svg.chart .grid { stroke: var(--faint); stroke-width: 1; }
svg.chart .zero { stroke: var(--soft); stroke-width: 1; }
svg.chart .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg.chart .band { stroke: none; fill-opacity: .16; }
svg.chart .dashed { stroke-dasharray: 5 3; }
svg.chart .dotted { stroke-dasharray: 1.5 2.5; }
""" + "".join(
    f"svg.chart .s{i} {{ stroke: var(--c{i}); }} svg.chart .f{i} {{ fill: var(--c{i}); }}\n" for i in range(7)
) + """svg.chart .sgood { stroke: var(--good); } svg.chart .fgood { fill: var(--good); }
svg.chart .sbad { stroke: var(--bad); } svg.chart .fbad { fill: var(--bad); }
svg.chart .ssoft { stroke: var(--soft); } svg.chart .fsoft { fill: var(--soft); }
svg.chart .sink { stroke: var(--ink); } svg.chart .fink { fill: var(--ink); }
svg.chart text.fgood { fill: var(--good); } svg.chart text.fbad { fill: var(--bad); }
"""
