"""How reports look: legible light and dark, on paper and on a telephone; fonts are those of the browser."""

from typing import Final

_LIGHT: Final = """
--paper:#fff; --ink:#1b1b1b; --soft:#555; --line:#d0d0d0; --faint:#f3f3f3; --warn:#fff6db; --edge:#b07d00;
--s0:#0072b2; --s1:#c44f00; --s2:#007a5a; --s3:#a8487f; --s4:#7a5c00; --s5:#5b4a8a; --s6:#00798c; --s7:#4d4d4d;
"""
_DARK: Final = """
--paper:#15181c; --ink:#ececec; --soft:#b4b4b4; --line:#4a4f55; --faint:#20252b; --warn:#3a3114; --edge:#e0b040;
--s0:#56b4e9; --s1:#f2a25c; --s2:#3cc9a0; --s3:#e59cc4; --s4:#e3c34b; --s5:#b9abf5; --s6:#5cd0e0; --s7:#c8c8c8;
"""
_RULES: Final = """
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line) }
.lead { color: var(--soft); margin: .3rem 0 1rem }
p, ul { max-width: 46rem }
li { margin: .2rem 0 }
.note { background: var(--warn); border-left: 4px solid var(--edge); padding: .5rem .8rem; margin: .6rem 0;
  max-width: none; overflow-wrap: anywhere }
.calm { background: var(--faint); border-color: var(--s0) }
code, pre { font-size: .88rem; overflow-wrap: anywhere }
pre { background: var(--faint); padding: .6rem .8rem; white-space: pre-wrap }
summary { cursor: pointer }

table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem }
td, th { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line) }
td { white-space: nowrap }
thead td { border-bottom-width: 2px }
thead th { vertical-align: bottom; border-bottom-width: 2px; max-width: 9rem; overflow-wrap: break-word }
tbody th { font-weight: normal; overflow-wrap: anywhere; min-width: 7rem }
tbody th, thead th:first-child { text-align: left }
.sum td, .sum th { font-weight: 600 }
.facts td { min-width: 6rem; text-align: left; white-space: normal; overflow-wrap: anywhere; vertical-align: top }
.facts th { vertical-align: top; color: var(--soft); min-width: 7rem }
.heat td, .heat thead th:not(:first-child) { text-align: center }
.scroll { overflow-x: auto; margin: .6rem 0 }
.scroll tbody th { position: sticky; left: 0; background: var(--paper) }
.scroll:focus-visible { outline: 2px solid var(--s0) }

figure { margin: 1rem 0; break-inside: avoid }
.beside { display: flex; flex-wrap: wrap; gap: 1rem }
.beside figure { flex: 1 1 20rem }
figcaption { color: var(--soft); font-size: .92rem; max-width: 46rem }
svg, img { max-width: 100%; height: auto; display: block }
svg text { font: 14px system-ui, sans-serif; fill: currentColor }
td svg { max-width: none; width: 9rem }
.grid { stroke: var(--line); stroke-width: 1 }
.axis { stroke: var(--soft); stroke-width: 1; fill: none }
.heat td, .box, .ramp, svg { print-color-adjust: exact; -webkit-print-color-adjust: exact }
.box { display: inline-block; width: .95em; height: .95em; margin-right: .5em; border: 1px solid var(--soft);
  vertical-align: -.1em }
.ramp { height: 1rem; width: 16rem; max-width: 100%; border: 1px solid var(--soft) }
.ends { display: flex; justify-content: space-between; width: 16rem; max-width: 100%; font-size: .92rem }
.keys { list-style: none; padding: 0; margin: .4rem 0; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem;
  font-size: .92rem; max-width: none; overflow-wrap: anywhere }
.keys svg { display: inline-block; vertical-align: -.2em; margin-right: .4em }

@media (max-width: 40rem) {
  main { padding: 1rem .8rem }
  td, th { padding: .25rem .4rem }
  svg text { font-size: 17px }
  td svg { width: 5rem }
}
@media print {
  body { font-size: 10pt }
  main { max-width: none; padding: 0 }
  table { font-size: 8.5pt }
  .scroll { overflow: visible }
  tr, table, .note { break-inside: avoid }
  h2 { break-after: avoid }
}
"""

STYLE: Final = (
    f":root {{ color-scheme: light dark; {_LIGHT} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}\n{_RULES}"
)
"""Style sheet of every report; `--s0` to `--s7` are the colours of series, 3:1 or better on either paper."""

SERIES: Final = 8
"""Colours of series."""
