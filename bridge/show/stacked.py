"""The picture for a narrow window: the devices, below them the threads, and the lines from one to the other beside both. The host CPUs of a
thread stand in its box."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .drawing import GAP, LEFT, TOP, WIDE, Port, Row, by_thread, css_of, devices, dots, height_of, main_loop, text_at, thread_box
from .picture import IOTHREAD, VCPU, Picture
from .words import headline

GUTTER = 82
"""Width of the room beside the boxes, where the lines are."""
NEAR = 16
"""How far the line that keeps nearest to the boxes leaves them."""


def stacked(found: Picture, ids: dict[int, str]) -> str:
    """An `<svg>` element that is as wide as a telephone. `ids`: what the other stack calls the iothreads."""
    boxes = list(devices(found))
    y = boxes[-1].bottom + GAP if boxes else float(TOP)
    if found.main_loop:
        boxes.append(main_loop(found, y))
        y = boxes[-1].bottom + GAP
    caption = text_at(0, y + 14, "threads of QEMU", "caption")
    y += 28
    rows: list[Row] = []
    for thread in [*found.of_role(IOTHREAD), *(each for each in found.threads if each.role != IOTHREAD)]:
        rows.append((thread, y))
        y += height_of(thread) + GAP
    ports = [port for box in boxes for port in box.ports]
    head = text_at(0, 18, "devices and their queues", "caption") if boxes else ""
    drawn = (thread_box(found, thread, top, n, ids, 0) for n, (thread, top) in enumerate(rows))
    parts = [head, caption, *_lines(rows, ports), *(box.svg for box in boxes), *dots(rows, ports), *drawn]
    right = LEFT + GUTTER
    label = escape(headline(found), quote=True)
    size = f'width="{right}" height="{y:.0f}" viewBox="0 0 {right} {y:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}>\n' + "\n".join(parts) + "\n</svg>"


def _lines(rows: list[Row], ports: list[Port]) -> Iterator[str]:
    """From a queue to the right, down and back to its thread; each thread has a track of its own, the first one the nearest."""
    of_thread = by_thread(ports)
    served = [thread for thread, _ in rows if thread.role != VCPU]
    for n, (thread, top) in enumerate(rows):
        if thread.role == VCPU:
            continue
        mine = sorted(of_thread.get(thread.iothread or 0, ()))
        track = LEFT + NEAR + (GUTTER - NEAR - 4) * (n + 1) / (len(served) + 1)
        for k, port in enumerate(mine):
            end, start = top + height_of(thread) * (k + 1) / (len(mine) + 1), LEFT + 4
            turn = min(10.0, track - start)
            path = f"M{start} {port.y:.1f}H{track - turn:.1f}Q{track:.1f} {port.y:.1f} {track:.1f} {port.y + turn:.1f}"
            path += f"V{end - turn:.1f}Q{track:.1f} {end:.1f} {track - turn:.1f} {end:.1f}H{WIDE}"
            yield f'<path d="{path}" class="line {"spare" if port.idle else css_of(thread, n)}"/>'
