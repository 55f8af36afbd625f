"""Large inputs cost no more than in proportion: steps are counted, never time.

A step is a call (`sys.setprofile`) or a line that runs (`sys.settrace`), for a loop inside one call is work as well. Whatever is
repeated may cost a few times what a plain input of the same bytes costs, and four times the items at most a little more than four
times as much.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import FrameType
from typing import Any

import pytest

import bridge
from bridge.data.gates import qemu_version
from bridge.guest.diff import diff
from bridge.guest.side import side
from bridge.show.page import page
from bridge.show.subject import subject
from tests.security.sizes import CONF, PLAIN, XML, Shape

pytestmark = pytest.mark.slow

HOST = bridge.HostFacts(cpus=8, bridges=["vmbr0"], qemu_version="10.1.0", qemu_server="rfc-iothreads")


def _convert(to: bridge.Format, args: bool | None = None) -> Callable[[str, Any], object]:
    return lambda text, source: bridge.convert(text, to, source, vmid=100, host=HOST, args=args)


def _show(text: str, source: str) -> object:
    return page(subject(text, {"source": source, "host": HOST, "vmid": 100, "file": "file"}))


def _diff(text: str, source: str) -> object:
    words = {"source": source, "host": HOST, "vmid": 100, "file": "file"}
    sides = [side(each.encode(), words, "model", None) for each in (text, PLAIN[source].text(0))]
    return diff(*sides, newest=qemu_version(HOST.qemu_version, HOST.qemu_server))


GROWTH = 2.1
"""The second half of the items may cost so many times what the second quarter does; linear is 2, quadratic 4."""
SLACK = 2500
"""Steps that depend on something else than how many items there are: a value that is cut, a set that is kept."""
TIMES = 16
"""Steps that a byte may cost, compared with one of a plain VM: `x` and a line end are a bad line, which has to be told."""

WAYS: dict[str, dict[str, Callable[[str, str], object]]] = {
    "xml": {"conf": _convert("conf"), "conf with args": _convert("conf", args=True), "show": _show},
    "conf": {
        "xml": _convert("xml"),
        "conf": _convert("conf"),
        "rewrite": lambda text, _: bridge.rewrite_config(text),
        "show": _show,
        "diff": _diff,
    },
}


def finish(way: Callable[[str, str], object], text: str, source: str) -> None:
    """There is a document, or the reason why there is none."""
    with suppress(bridge.BridgeError):
        way(text, source)


def steps(way: Callable[[str, str], object], text: str, source: str) -> int:
    """Calls and lines of Python that it takes."""
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001
        nonlocal count
        count += 1
        return line

    def call(frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG001
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(line)
    sys.setprofile(call)
    try:
        finish(way, text, source)
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return count


@cache
def plain(source: str, name: str) -> tuple[int, float]:
    """Steps of a plain VM, and for each byte more."""
    shape, way = PLAIN[source], WAYS[source][name]
    finish(way, shape.text(shape.most), source)  # what is made at first use is made
    least, whole = (steps(way, shape.text(count), source) for count in (0, shape.most))
    return least, (whole - least) / (len(shape.text(shape.most)) - len(shape.text(0)))


@pytest.mark.parametrize(
    ("shape", "name"), [(shape, name) for shape in (*XML, *CONF) for name in WAYS[shape.source]], ids=lambda of: getattr(of, "name", of)
)
def test_cost_grows_with_the_input_and_no_faster(shape: Shape, name: str, full: bool) -> None:
    way, most = WAYS[shape.source][name], shape.most * (8 if full else 1)
    finish(way, shape.text(most), shape.source)  # what is made at first use is made
    quarter, half, whole = (steps(way, shape.text(count), shape.source) for count in (most // 4, most // 2, most))
    assert whole - half <= GROWTH * max(half - quarter, 0) + SLACK, (quarter, half, whole)
    least, per_byte = plain(shape.source, name)
    assert whole <= TIMES * (least + per_byte * (len(shape.text(most)) - len(shape.text(0)))), (quarter, half, whole)


def test_steps_see_a_loop_inside_one_call() -> None:
    """The faults that were: a list made anew for each of its members, which calls nothing."""

    def quadratic(text: str, _: str) -> object:
        return [[other for other in text if other == each] for each in text]

    few, many = steps(quadratic, "x" * 50, ""), steps(quadratic, "x" * 100, "")
    assert many > 3 * few
