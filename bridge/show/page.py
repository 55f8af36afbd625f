"""One VM as one HTML page that needs nothing else: no network, no script, light and dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from .. import __version__
from ..core.report import HEADINGS, SEVERITIES, Finding
from .drawing import COLOURS, css_of, drawing
from .picture import IOTHREAD, Thread
from .stacked import stacked
from .stacks import Slot
from .style import STYLE
from .subject import Document, Subject
from .words import headline, notes, together, where, work

DEEPEST = 5
"""Bridges behind bridges that are shown further to the right."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(what: Subject) -> str:
    """The whole document. All text of the VM is escaped, and nothing of it becomes an attribute that a browser acts on."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8"/>',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            '<meta name="color-scheme" content="light dark"/>',
            f'<meta name="generator" content="virt-qm {__version__}"/>',
            f"<title>{escape(what.title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *_body(what),
            "</body>",
            "</html>\n",
        )
    )


def _body(what: Subject) -> Iterator[str]:
    yield f'<h1>{escape(what.title)}</h1>\n<p class="file mono">{escape(what.file)}</p>'
    yield "<h2>Who serves what</h2>"
    yield f'<p class="lead">{escape(headline(what.picture))}</p>'
    if what.picture.together:
        yield f"<p>{escape(together(what.picture))}</p>"
    for note in notes(what.picture):
        yield f'<p class="warn">{escape(note)}</p>'
    yield from (f'<p class="advice">{escape(hint)}</p>' for hint in what.advice)
    yield f'<div class="wide">\n{drawing(what.picture, what.ids)}\n</div>'
    yield f'<div class="stacked">\n{stacked(what.picture, what.ids)}\n</div>'
    yield "<h3>The same in words</h3>"
    yield from _threads(what)
    yield "<h2>At a glance</h2>"
    yield '<table class="facts">'
    yield from (f'<tr><td>{escape(name)}</td><td class="mono">{escape(words)}</td></tr>' for name, words in what.facts)
    yield "</table>"
    yield "<h2>Findings</h2>"
    yield from _findings(what.findings) if what.format == "conf" else _folded(what)
    yield "<h2>PCI devices of both stacks</h2>"
    yield from (f'<p class="quiet">{escape(note)}</p>' for note in what.notes)
    yield from _slots(what.slots, alike=what.format == "conf")
    yield "<h2>Texts</h2>"
    yield '<div class="texts">'
    yield from map(_document, what.documents)
    yield "</div>"


def _threads(what: Subject) -> Iterator[str]:
    yield '<table class="threads"><thead><tr><th>thread</th><th>runs on</th><th>serves</th></tr></thead><tbody>'
    for n, thread in enumerate(what.picture.threads):
        serves = "".join(f"<div>{escape(line)}</div>" for line in [*work(what.picture, thread), *_details(thread)])
        yield f"<tr><td>{_dot(what, n)}{escape(thread.name)}</td><td>{escape(where(thread))}</td><td>{serves}</td></tr>"
    yield "</tbody></table>"


def _details(thread: Thread) -> tuple[str, ...]:
    return (", ".join(thread.details),) if thread.role == IOTHREAD and thread.details else ()


def _dot(what: Subject, n: int) -> str:
    """Of the colour that the thread has in the drawing."""
    thread = what.picture.threads[n]
    if thread.role != IOTHREAD or not what.picture.served(thread.iothread or 0):
        return ""
    _, _, pattern = css_of(thread, n).partition(" ")
    colour = f"var(--t{n % COLOURS})"
    return f'<span class="dot{f" {pattern}" if pattern else ""}" style="background: {colour}; border-color: {colour}"></span>'


def _findings(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        yield '<p class="quiet">None: nothing is lost either way.</p>'
    for severity in SEVERITIES:
        group = [finding for finding in findings if finding.severity == severity]
        if group:
            yield f'<section class="{severity}"><h3>{HEADINGS[severity]} ({severity})</h3><ul class="findings">'
            yield from map(_finding, group)
            yield "</ul></section>"


def _folded(what: Subject) -> Iterator[str]:
    """Of a VM that is no config's, the page is about what it is; what a conversion would say of it is there for who wants one."""
    count = Counter(finding.severity for finding in what.findings)
    if not count:
        yield from _findings([])
        return
    told = ", ".join(f"{count[severity]:,} {severity}" for severity in SEVERITIES if count[severity])
    yield f"<details><summary>What a conversion to the other formats would tell: {told}</summary>"
    yield from _findings(what.findings)
    yield "</details>"


def _finding(finding: Finding) -> str:
    place = f'<span class="where mono">{escape(finding.where)}</span><br/>' if finding.where else ""
    hint = f' <span class="quiet">→ {escape(finding.hint)}</span>' if finding.hint else ""
    return f'<li>{place}{escape(finding.message)}{hint} <span class="where mono">[{escape(finding.kind)}]</span></li>'


def _slots(slots: list[Slot], alike: bool) -> Iterator[str]:
    """`alike`: both stacks should have the same, and what only one has stands out."""
    yield '<table class="pci"><thead><tr><th>slot</th><th>qemu-server</th><th>libvirt</th></tr></thead><tbody class="mono">'
    for slot in slots:
        css = ' class="one"' if alike and not (slot.qemuserver and slot.libvirt) else ""
        indent = f' style="padding-left: {2 * min(slot.depth, DEEPEST)}em"' if slot.depth else ""
        cells = "".join(f"<td{indent}>{escape(words)}</td>" if words else f'<td class="none"{indent}>-</td>' for words in slot[1:])
        yield f"<tr{css}><td{indent}>{escape(slot.place.rsplit('/', 1)[-1])}</td>{cells}</tr>"
    yield "</tbody></table>"


def _document(document: Document) -> str:
    if document.text is None:
        return f'<div><h3>{escape(document.title)}</h3><p class="warn">{escape(document.why)}</p></div>'
    return f"<div><h3>{escape(document.title)}</h3><pre>{escape(document.text)}</pre></div>"
