"""The page's style: one set of names for colours, with values for light and for dark."""

LIGHT = """
  --page: #ffffff; --panel: #f6f7f9; --ink: #16191d; --muted: #59616b; --rule: #d5dae0; --frame: #aab3bd; --bad: #b3261e;
  --bad-tint: #fbe3e1; --guest: #b3261e; --data: #8a5a00; --host: #0b6580; --note: #59616b; --main: #7a828c; --vcpu: #b7bec6;
  --t0: #2a78d6; --t1: #d9661f; --t2: #14936b; --t3: #b98900; --t4: #cf4f86; --t5: #5b7d0d; --t6: #6a51c7;
"""
DARK = """
  --page: #14171a; --panel: #1c2024; --ink: #e8eaed; --muted: #a3abb5; --rule: #343a41; --frame: #59626c; --bad: #ff8a80;
  --bad-tint: #4a2322; --guest: #ff8a80; --data: #e6b450; --host: #63c5de; --note: #a3abb5; --main: #8b939d; --vcpu: #545c66;
  --t0: #4c96ec; --t1: #e8803f; --t2: #2fb488; --t3: #d5a62a; --t4: #e274a3; --t5: #8fb43a; --t6: #9a86ea;
"""

THREADS = "\n".join(f".fill.t{n} {{ fill: var(--t{n}); }} .line.t{n} {{ stroke: var(--t{n}); }}" for n in range(7))
PATTERNS = """.line.r1 { stroke-dasharray: 9 4; } .line.r2 { stroke-dasharray: 2 4; } .line.r3 { stroke-dasharray: 9 4 2 4; }
.fill.r1, .fill.r2, .fill.r3 { fill-opacity: 0.25; stroke-width: 1.5; }
.fill.r2 { stroke-dasharray: 2 2; } .fill.r3 { stroke-dasharray: 5 2; }
""" + "\n".join(f".fill.t{n}.r1, .fill.t{n}.r2, .fill.t{n}.r3 {{ stroke: var(--t{n}); }}" for n in range(7))
"""More threads than colours: broken lines, boxes that are little more than their edges."""

DRAWN = f"""svg .name {{ font-weight: 700; }}
svg .small {{ font-size: 11.5px; fill: var(--muted); }}
svg .caption {{ font-size: 11.5px; fill: var(--muted); }}
svg .cpu {{ fill: var(--muted); }}
svg text.bad {{ fill: var(--bad); font-weight: 700; }}
.frame {{ fill: var(--panel); stroke: var(--frame); }}
.frame.dashed {{ fill: none; stroke-dasharray: 4 4; }}
.frame.bad {{ stroke: var(--bad); stroke-width: 2; }}
.line {{ fill: none; stroke-width: 2.2; }}
.line.main {{ stroke: var(--main); }} .fill.main {{ fill: var(--main); }}
.fill.vcpu {{ fill: var(--vcpu); }} .fill.idle {{ fill: none; }}
.line.spare {{ stroke: var(--frame); stroke-width: 1.2; stroke-dasharray: 3 5; }}
.line.anywhere {{ stroke: var(--frame); stroke-width: 1.5; stroke-dasharray: 1 5; }}
.hollow {{ fill: var(--page); stroke: var(--frame); stroke-width: 1.5; }}
.contended {{ fill: var(--bad-tint); }}
.clash {{ stroke: var(--bad); stroke-width: 2.5; }}
{THREADS}
{PATTERNS}"""
"""What a drawing is made of, by its classes."""

SVG = f"""
svg {{ color-scheme: light dark; {LIGHT} background: var(--page); }}
@media (prefers-color-scheme: dark) {{ svg {{ {DARK} }} }}
svg text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; fill: var(--ink); }}
{DRAWN}
"""
"""Of a drawing that is a file of its own."""

STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; padding: 24px 28px 60px; max-width: 1240px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }}
h1 {{ font-size: 26px; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 19px; margin: 40px 0 10px; padding-top: 14px; border-top: 1px solid var(--rule); }}
h3 {{ font-size: 15px; margin: 18px 0 4px; }}
.file, .quiet {{ color: var(--muted); }}
.file {{ margin: 2px 0 0; overflow-wrap: anywhere; }}
.lead {{ font-size: 17px; margin: 0 0 6px; overflow-wrap: anywhere; }}
.warn {{ color: var(--bad); margin: 2px 0; overflow-wrap: anywhere; }}
.advice {{ color: var(--host); margin: 2px 0; overflow-wrap: anywhere; }}
.advice::before {{ content: "> "; font-weight: 700; }}
.warn::before {{ content: "! "; font-weight: 700; }}
code, pre, svg text, .mono {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; }}
.wide {{ overflow-x: auto; margin-top: 16px; padding-bottom: 4px; }}
.stacked {{ display: none; margin-top: 16px; }}
@media (max-width: 760px) {{ .wide {{ display: none; }} .stacked {{ display: block; }} }}
svg {{ display: block; }}
svg text {{ font-size: 13px; fill: var(--ink); }}
{DRAWN}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: 3px 14px 3px 0; overflow-wrap: anywhere; border-bottom: 1px solid var(--rule); }}
th {{ font-weight: 600; color: var(--muted); font-size: 13px; }}
.facts {{ table-layout: fixed; }}
.facts td:first-child {{ color: var(--muted); width: 9em; }}
.threads td:first-child {{ white-space: nowrap; padding-right: 28px; }}
.threads td:nth-child(2) {{ min-width: 13em; }} .threads th:last-child {{ width: 100%; }}
summary {{ cursor: pointer; }}
.pci td:first-child {{ white-space: nowrap; }}
.threads td div {{ margin: 0; }}
@media (max-width: 760px) {{ .facts td:first-child {{ width: 6.5em; }} .threads td:first-child {{ padding-right: 14px; }}
  .threads td:nth-child(2) {{ min-width: 7em; }} }}
.pci td {{ font-size: 13px; }}
.pci .one td {{ background: var(--bad-tint); }}
.pci .none {{ color: var(--muted); }}
.dot.r1, .dot.r2, .dot.r3 {{ background: none !important; border: 2px solid; }}
.dot.r2 {{ border-style: dotted; }} .dot.r3 {{ border-style: dashed; }}
.dot {{ display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 8px; }}
ul.findings {{ list-style: none; margin: 0; padding: 0; }}
ul.findings li {{ margin: 0 0 8px; padding-left: 12px; border-left: 3px solid var(--rule); overflow-wrap: anywhere; }}
.guest > h3 {{ color: var(--guest); }} .data > h3 {{ color: var(--data); }}
.host > h3 {{ color: var(--host); }} .note > h3 {{ color: var(--note); }}
.guest li {{ border-color: var(--guest); }} .data li {{ border-color: var(--data); }} .host li {{ border-color: var(--host); }}
.where {{ color: var(--muted); font-size: 13px; }}
.texts {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px; align-items: start; }}
.texts > :last-child {{ grid-column: 1 / -1; }}
@media (max-width: 860px) {{ .texts {{ grid-template-columns: minmax(0, 1fr); }} body {{ padding: 16px; }} }}
pre {{ margin: 0; padding: 12px; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px;
  font-size: 12px; line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; }}
@media print {{ .wide {{ overflow: visible; display: block; }} .stacked {{ display: none; }} }}
"""
