"""The picture as SVG: devices with their queues, a line from each to the thread that serves it, and the host CPUs of every thread."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap
from typing import NamedTuple
from unicodedata import east_asian_width

from .picture import IOTHREAD, MAIN_LOOP, VCPU, Column, Device, Link, Picture, Thread, queue_text
from .words import grouped, headline, of_all, ranged, where

COLOURS = 7
"""Of iothreads, `--t0` to `--t6` in the page's style; an eighth thread has the first one's again, in a pattern."""
PATTERNS = 3
"""`r1` to `r3`: broken lines and hollow boxes, for the second, third and all other turns of the colours."""

LEFT, THREADS, WIDE, CPUS = 270, 430, 260, 716
"""Width of a device's box; where the threads' boxes begin, how wide they are; where the host CPUs begin."""
TOP, GAP = 52, 14
CHARACTER, SMALL = 7.9, 7.0
"""Pixels that a character takes at most, in names and in what is written small: the font has one width."""
MOST_QUEUE_ROWS = 24
"""Queues of one device that get a line each; beyond that, those of one thread share one."""


class Port(NamedTuple):
    """Where a line begins. No queues: the thread that it goes to is left over."""

    y: float
    iothread: int
    idle: bool


Row = tuple[Thread, float]
"""A thread, and where its box begins."""


class Box(NamedTuple):
    svg: str
    bottom: float
    ports: list[Port]


def drawing(found: Picture, ids: dict[int, str]) -> str:
    """An `<svg>` element. `ids`: what the other stack calls the iothreads."""
    boxes = list(devices(found))
    threads = found.of_role(IOTHREAD)
    others = [thread for thread in found.threads if thread.role != IOTHREAD]
    tops = _tops(threads, [port for box in boxes for port in box.ports], boxes[-1].bottom if boxes else TOP)
    ends = [box.bottom for box in boxes] + [top + height_of(thread) for top, thread in zip(tops, threads, strict=True)]
    y = max(ends) + GAP if ends else float(TOP)
    if found.main_loop:
        boxes.append(main_loop(found, y))
    for thread in others:  # the main loop beside its disks, then the vCPUs
        tops.append(y)
        y = max(y + height_of(thread), boxes[-1].bottom if boxes and thread.role == MAIN_LOOP else 0) + GAP
    rows = list(zip([*threads, *others], tops, strict=True))
    bottom = y
    right, cpus = _host_cpus(found, rows, bottom)
    ports = [port for box in boxes for port in box.ports]
    drawn = (thread_box(found, thread, top, n, ids, THREADS) for n, (thread, top) in enumerate(rows))
    parts = [_captions(bool(boxes)), *cpus, *_lines(rows, ports), *(box.svg for box in boxes), *dots(rows, ports), *drawn]
    label = escape(headline(found), quote=True)
    size = f'width="{right:.0f}" height="{bottom:.0f}" viewBox="0 0 {right:.0f} {bottom:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>\n' + "\n".join(parts) + "\n</svg>"


def alone(found: Picture, ids: dict[int, str]) -> str:
    """The drawing as a file of its own, with its style."""
    from .style import SVG

    start, _, rest = drawing(found, ids).partition("\n")
    return f"{start}\n<style>{SVG}</style>\n{rest}\n"


def width(text: str) -> int:
    """Columns of a font with one width."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def broken(text: str, most: int) -> Iterator[str]:
    """The text in lines of at most so many columns, broken at blanks where that is possible. Nothing is left out."""
    line = ""
    for word in text.split(" "):
        if line and width(f"{line} {word}") > most:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        start = 0
        while width(line[start : start + most + 1]) > most:
            cut = next(n for n in range(most, 0, -1) if width(line[start : start + n]) <= most)
            yield line[start : start + cut]
            start += cut
        line = line[start:]
    yield line


def fit(text: str, most: int) -> str:
    """The text, cut at so many columns."""
    if len(text) <= most and width(text) <= most:
        return text
    text = text[:most]
    while text and width(text) >= most:
        text = text[:-1]
    return text + "…"


def text_at(x: float, y: float, text: str, css: str = "", end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    css = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{anchor}{css}>{escape(text)}</text>'


def _captions(devices: bool) -> str:
    left = text_at(0, 18, "devices and their queues", "caption") if devices else ""
    return left + text_at(THREADS, 18, "threads of QEMU", "caption")


# --- devices


def devices(found: Picture) -> Iterator[Box]:
    y = float(TOP)
    for alike in grouped(found.devices):
        box = _device(alike, y)
        yield box
        y = box.bottom + GAP


def _device(alike: list[Device], top: float) -> Box:
    """Devices that are served alike, in one box: names, what they are, a row for each line that leaves."""
    device = alike[0]
    names = ranged(name for each in alike for name in each.disks or (each.name,))
    kind = device.kind if device.name in device.disks else f"{device.kind}, {device.name}"
    rows = list(_rows(device))
    if len(rows) == 1 and not device.trouble and width(kind) * SMALL + width(rows[0][0]) * CHARACTER < LEFT - 40:
        return _box(names, [kind], rows, top, beside=True)
    each = " each" if len(alike) > 1 else ""
    about = wrap(f"{kind}, {device.queues} {'queue' if device.queues == 1 else 'queues'}{each}", int((LEFT - 24) / SMALL))
    if device.trouble:
        about += wrap(f"QEMU refuses: {device.trouble}", int((LEFT - 24) / SMALL))
    return _box(names, about, rows, top, bad=bool(device.trouble))


def _rows(device: Device) -> Iterator[tuple[str, list[int], bool]]:
    """(text, iothreads, whether they are left over) of each line."""
    links = sorted(device.links)
    for link in links:
        if device.by_queue and device.queues <= MOST_QUEUE_ROWS:
            yield from ((queue_text([queue]), [link.iothread], False) for queue in link.queues)
        elif link.queues:
            yield _all_or(device, link), [link.iothread], False
    idle = [link.iothread for link in links if not link.queues]
    if idle:
        yield "no queue left", idle, True


def _all_or(device: Device, link: Link) -> str:
    return of_all(link.queues, device.queues)


def main_loop(found: Picture, top: float) -> Box:
    return _box(ranged(found.main_loop), ["no iothread"], [("all queues", [0], False)], top, beside=True)


def _box(names: str, about: list[str], rows: list[tuple[str, list[int], bool]], top: float, bad: bool = False, beside: bool = False) -> Box:
    """`beside`: the one row stands beside what the device is."""
    lines = list(broken(names, int((LEFT - 24) / CHARACTER)))
    parts, y = [], top + 6
    for line in lines:
        y += 17
        parts.append(text_at(12, y, line, "name"))
    for line in about:
        y += 15
        parts.append(text_at(12, y, fit(line, int((LEFT - 24) / SMALL)), "small"))
    y += -20 if beside else 4
    ports = []
    for text, iothreads, idle in rows:
        y += 20
        parts.append(text_at(LEFT - 14, y, text, "small" if idle else "queue", end=True))
        ports += [Port(y - 4, iothread, idle) for iothread in iothreads]
    bottom = y + 10
    frame = f'<rect x="0.5" y="{top:.1f}" width="{LEFT}" height="{bottom - top:.1f}" rx="6" class="frame{" bad" if bad else ""}"/>'
    return Box(f'<g class="box">{frame}{"".join(parts)}</g>', bottom, ports)


# --- threads


def height_of(thread: Thread) -> float:
    return 46 + 15 * len(_details(thread))


def _details(thread: Thread) -> list[str]:
    return wrap(", ".join(thread.details), int((WIDE - 28) / SMALL)) if thread.role == IOTHREAD else []


def _tops(threads: list[Thread], ports: list[Port], bottom: float) -> list[float]:
    """Each thread as near to the middle of its lines as the others allow."""
    tops: list[float] = []
    y = float(TOP)
    of_thread = by_thread(ports)
    for thread in threads:
        ends = [port.y for port in of_thread.get(thread.iothread or 0, ()) if not port.idle]
        wish = sum(ends) / len(ends) - height_of(thread) / 2 if ends else y
        tops.append(max(y, wish))
        y = tops[-1] + height_of(thread) + GAP
    below = max(bottom, TOP + sum(height_of(thread) + GAP for thread in threads) - GAP)
    for n in range(len(threads) - 1, -1, -1):
        tops[n] = min(tops[n], below - height_of(threads[n]))
        below = tops[n] - GAP
    return tops


def thread_box(found: Picture, thread: Thread, top: float, n: int, ids: dict[int, str], x: int) -> str:
    """The n-th thread; `x`: where its box begins."""
    idle = _idle(found, thread)
    css = "idle" if idle else css_of(thread, n)
    height = height_of(thread)
    side = "idle" if idle else f"libvirt {ids[thread.iothread]}" if thread.iothread in ids else ""
    if idle and thread.iothread in ids:
        side = f"idle · libvirt {ids[thread.iothread]}"
    room = WIDE - 36 - width(side) * SMALL
    below = width(thread.name) * CHARACTER > room > width(where(thread)) * SMALL  # a long name has its line to itself
    name = fit(thread.name, int((WIDE - 28 if below else room) / CHARACTER))
    frame = f'<rect x="{x}" y="{top:.1f}" width="{WIDE}" height="{height:.1f}" rx="6" class="frame{" dashed" if idle else ""}"/>'
    bar = f'<rect x="{x}" y="{top:.1f}" width="7" height="{height:.1f}" rx="3" class="fill {css}"/>'
    lines = [text_at(x + 18, top + 20, name, "name")]
    if side:
        lines.append(text_at(x + WIDE - 10, top + (36 if below else 20), side, "small", end=True))
    for k, line in enumerate([where(thread), *_details(thread)]):
        lines.append(text_at(x + 18, top + 36 + 15 * k, fit(line, int((WIDE - 28) / SMALL)), "small"))
    return f'<g class="box">{frame}{bar}{"".join(lines)}</g>'


def dots(rows: list[Row], ports: list[Port]) -> Iterator[str]:
    """Where lines begin, over the edge of the box."""
    css = {thread.iothread or 0: css_of(thread, n) for n, (thread, _) in enumerate(rows) if thread.role != VCPU}
    for port in ports:
        yield f'<circle cx="{LEFT}" cy="{port.y:.1f}" r="4" class="{"hollow" if port.idle else f"fill {css[port.iothread]}"}"/>'


def css_of(thread: Thread, n: int) -> str:
    """The class of the colour of the n-th thread."""
    if thread.role == IOTHREAD:
        return f"t{n % COLOURS}" + (f" r{min(n // COLOURS, PATTERNS)}" if n >= COLOURS else "")
    return "main" if thread.role == MAIN_LOOP else "vcpu"


def _idle(found: Picture, thread: Thread) -> bool:
    return thread.role == IOTHREAD and not found.served(thread.iothread or 0)


def by_thread(ports: list[Port]) -> dict[int, list[Port]]:
    found: dict[int, list[Port]] = {}
    for port in ports:
        found.setdefault(port.iothread, []).append(port)
    return found


def _lines(rows: list[Row], ports: list[Port]) -> Iterator[str]:
    """From the queues to the threads; those of one thread end below each other, in the order in which they began."""
    of_thread = by_thread(ports)
    for n, (thread, top) in enumerate(rows):
        if thread.role == VCPU:
            continue
        mine = sorted(of_thread.get(thread.iothread or 0, ()))
        css = css_of(thread, n)
        for k, port in enumerate(mine):
            end = top + height_of(thread) * (k + 1) / (len(mine) + 1)
            bend = (LEFT + THREADS) / 2
            path = f"M{LEFT + 4} {port.y:.1f}C{bend:.0f} {port.y:.1f} {bend:.0f} {end:.1f} {THREADS} {end:.1f}"
            yield f'<path d="{path}" class="line {"spare" if port.idle else css}"/>'


# --- host CPUs


def _host_cpus(found: Picture, rows: list[Row], bottom: float) -> tuple[float, list[str]]:
    """(right edge, elements): a column for host CPUs that are treated alike, a cell where a thread is pinned to them."""
    listed = found.columns
    if not listed:
        return THREADS + WIDE + 1, []
    parts = [text_at(CPUS, 18, "host CPUs", "caption")]
    x = float(CPUS)
    for column in listed:
        label = column.label + (" !" if column.contended else "")
        wide = max(26, width(label) * CHARACTER + 12)
        parts += _column(found, column, label, x, wide, rows, bottom)
        x += wide
    for thread, top in rows:
        if not thread.cpus:
            y = top + height_of(thread) / 2
            parts.append(f'<path d="M{CPUS} {y:.1f}H{x:.1f}" class="line anywhere"/>')
    return max(x + 1, CPUS + width("host CPUs") * CHARACTER), parts


def _column(
    found: Picture, column: Column, label: str, x: float, wide: float, rows: list[Row], bottom: float
) -> Iterator[str]:
    if column.contended:
        yield f'<rect x="{x + 1:.1f}" y="24" width="{wide - 2:.1f}" height="{bottom - GAP - 24:.1f}" rx="4" class="contended"/>'
    yield text_at(x + wide / 2 - width(label) * CHARACTER / 2, 40, label, "cpu bad" if column.contended else "cpu")
    for n, (thread, top) in enumerate(rows):
        if column.on(thread):
            css = "hollow" if _idle(found, thread) else f"fill {css_of(thread, n)}"
            y = top + height_of(thread) / 2 - 9
            edge = " clash" if column.contended else ""
            yield f'<rect x="{x + 4:.1f}" y="{y:.1f}" width="{wide - 8:.1f}" height="18" rx="3" class="{css}{edge}"/>'
