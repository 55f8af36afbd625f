"""The cache mode of a -drive, by QEMU's own rules (block.c, blockdev.c): `cache=` sets three switches, single ones win, the device's
write-cache wins over both."""

from __future__ import annotations

import json
import subprocess
from itertools import permutations, product

import pytest

import bridge
from bridge.argv.read import Option
from bridge.argv.reading.caching import ALIASES, MODES, Caching, take_caching
from bridge.argv.reading.said import Said

QEMU = "qemu-system-x86_64 -drive file=/i/a.img,format=raw,if=none,id=d,{} -device virtio-blk-pci,drive=d{}"


def cache(said: str, device: str = "") -> str:
    """The mode in the domain, the same as in the config."""
    line = QEMU.format(said, device)
    xml = bridge.convert(line, "xml").text.partition('cache="')[2].partition('"')[0]
    config = bridge.convert(line, "conf").text
    assert f"cache={xml}," in config if xml != "none" else "cache=" not in config  # none is qemu-server's default
    return xml


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("cache.direct=on", "none"),
        ("cache.direct=off", "writeback"),
        ("cache.no-flush=on", "unsafe"),
        ("cache.writeback=off", "writethrough"),
        ("cache.writeback=off,cache.direct=on", "directsync"),
        ("cache=none,cache.direct=off", "writeback"),
        ("cache=unsafe,cache.no-flush=off", "writeback"),
        ("cache=writethrough,cache.direct=on", "directsync"),
        ("cache=directsync,cache.writeback=on", "none"),
        ("cache=off", "none"),
    ],
)
def test_single_switches_win(said: str, mode: str) -> None:
    assert {cache(",".join(order)) for order in permutations(said.split(","))} == {mode}


@pytest.mark.parametrize(
    ("said", "write_cache", "mode"),
    [
        ("cache=none", "off", "directsync"),
        ("cache=writeback", "off", "writethrough"),
        ("cache=writethrough", "on", "writeback"),
        ("cache=directsync", "on", "none"),
        ("cache=directsync", "auto", "directsync"),
        ("media=disk", "off", "writethrough"),
    ],
)
def test_the_device_has_the_last_word_of_the_write_cache(said: str, write_cache: str, mode: str) -> None:
    assert cache(said, f",write-cache={write_cache}") == mode


@pytest.mark.parametrize(
    ("said", "mode", "lost"),
    [
        ("cache.direct=on,cache.no-flush=on", "unsafe", "cache.direct=on"),
        ("cache=unsafe,cache.writeback=off", "writethrough", "cache.no-flush=on"),
        ("cache=directsync,cache.no-flush=on", "directsync", "cache.no-flush=on"),
    ],
)
def test_switches_that_no_mode_has_together_are_told(said: str, mode: str, lost: str) -> None:
    assert cache(said) == mode
    findings = bridge.convert(QEMU.format(said, ""), "xml").findings
    assert [finding.severity for finding in findings if lost in finding.message] == ["host"]


@pytest.mark.parametrize("said", ["cache=fast", "cache=fast,cache.direct=on", "cache.0=none", "cache..x=none", "cache=", "cache=None"])
def test_a_mode_that_qemu_does_not_know_is_refused(said: str) -> None:
    """A list or an object in its place ended in a traceback."""
    with pytest.raises(bridge.BridgeError, match="QEMU knows writeback"):
        bridge.convert(QEMU.format(said, ""), "xml")


@pytest.mark.parametrize("said", ["cache.direct=maybe", "cache.size=4", "serial.x=1", "media.x=2"])
def test_what_is_below_a_plain_property_is_told(said: str) -> None:
    """An object where text is wanted was dropped without a word."""
    result = bridge.convert(QEMU.format(said, ""), "conf")
    assert [finding for finding in result.findings if said.partition("=")[0] in finding.message]


@pytest.mark.slow
def test_qemu_keeps_the_same_switches() -> None:
    """Every mode with every single switch beside it, as QEMU itself says what it made of them."""
    every = list(product((None, *MODES, *ALIASES), *[(None, "on", "off")] * len(Caching._fields)))
    names = ("cache", *(f"cache.{field.replace('_', '-')}" for field in Caching._fields))
    lines = ["".join(f",{name}={value}" for name, value in zip(names, each, strict=True) if value) for each in every]
    drives = [word for n, line in enumerate(lines) for word in ("-drive", f"if=none,id=d{n},driver=null-co{line}")]
    asked = '{"execute":"qmp_capabilities"}{"execute":"query-block"}{"execute":"quit"}'
    command = ["qemu-system-x86_64", "-S", "-machine", "none", "-display", "none", "-nodefaults", "-qmp", "stdio", *drives]
    answers = map(json.loads, subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout.splitlines())
    blocks = next(answer["return"] for answer in answers if isinstance(answer.get("return"), list))
    there = {block["device"]: Caching(*(block["inserted"]["cache"][name[6:]] for name in names[1:])) for block in blocks}
    here = {f"d{n}": take_caching(Said(Option("drive", f"file=/i{line}"), 1, "", [])) or Caching() for n, line in enumerate(lines)}
    assert here == there
