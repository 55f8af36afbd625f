"""The pages in a browser, light and dark, wide and narrow: no text overlaps, nothing is cut, all of it can be read. Chromium runs once."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import subprocess
import zlib
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.show.page import page
from tests.processes import PATIENCE

from .pages import CASES, of_case, of_text

pytestmark = pytest.mark.slow

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage"),
)
SCHEMES = ("light", "dark")
WIDTHS = {"": 1280, "-narrow": 420}
ATTEMPTS = 3
"""A Chromium that crashes before it has looked says nothing of the pages, and all cases hang on it."""

CROWD = (
    "<domain type='kvm'><name>crowd-with-a-name-that-goes-on-and-on-and-on-for-as-long-as-libvirt-lets-it-go-on-which-is-far</name>"
    "<memory>1048576</memory><vcpu>64</vcpu><iothreads>40</iothreads><cputune>{pins}</cputune>"
    "<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os><devices>{disks}</devices></domain>"
)
"""Much of everything: 40 threads with pins of their own, queues by the dozen, wide letters, a mapping that QEMU refuses."""


def crowd() -> str:
    pins = "".join(f"<iothreadpin iothread='{n}' cpuset='{3 * n}-{3 * n + 1},{200 + n},{1000 + 2 * n}'/>" for n in range(1, 41))
    rows = [f"<iothread id='{n}'>{''.join(f'<queue id={str(q)!r}/>' for q in range(n - 1, 64, 40))}</iothread>" for n in range(1, 41)]
    maps = ["".join(rows), "".join(rows[:-1]), "".join(f"<iothread id='{n}'/>" for n in range(1, 41))]
    disks = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' queues='{64 if n < 2 else 20}'><iothreads>{maps[n]}</iothreads></driver>"
        f"<source file='/a{n}'/><target dev='{'WWWWWWWWWWWW仮想機械' * 4 if n else 'vda'}{n}' bus='virtio'/></disk>"
        for n in range(3)
    )
    return CROWD.format(pins=pins, disks=disks)


def pages() -> dict[str, str]:
    """Name -> the page as an attribute."""
    made = {path.name: page(of_case(path.name)) for path in sorted(CASES.iterdir())}
    made["crowd.xml"] = page(of_text(crowd(), "crowd.xml"))
    made["none.conf"] = page(of_text("memory: 512\n", "none.conf"))
    broken = made["queues.xml"].replace(
        "</style>", "svg .small { font-size: 30px; } .lead { width: 3000px; } .file { color: #888888; }</style>"
    )
    return {name: escape(text) for name, text in (made | {"broken": broken}).items()}


NAMES = [*sorted(path.name for path in CASES.iterdir()), "crowd.xml", "none.conf"]
LOOKS = [f"{name}-{scheme}{width}" for name in NAMES for scheme in SCHEMES for width in WIDTHS]


class Looked(NamedTuple):
    """What the script found in each page, and the screenshot."""

    found: dict[str, Any]
    shot: bytes


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    directory = tmp_path_factory.mktemp("looked")
    frames = [
        f'<iframe id="{name}-{scheme}{suffix}" style="color-scheme: {scheme}" width="{width}" height="300" srcdoc="{text}"></iframe>'
        for name, text in pages().items()
        for scheme in SCHEMES
        for suffix, width in WIDTHS.items()
    ]
    script = (Path(__file__).parent / "look.js").read_text()
    harness = directory / "harness.html"
    body = "\n".join(frames)
    harness.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{body}<pre id="result"></pre><script>{script}</script></body>')
    said = ""
    for attempt in range(ATTEMPTS):
        (own := directory / str(attempt)).mkdir()
        shot = own / "shot.png"
        command = ["chromium", *FLAGS, f"--user-data-dir={own / 'profile'}", "--window-size=1300,800"]
        command += [f"--screenshot={shot}", "--dump-dom", harness.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=os.environ | {"HOME": str(own)})
        match = re.search(r'<pre id="result">([A-Za-z0-9+/=]+)</pre>', done.stdout)
        if match and shot.exists():
            return Looked(json.loads(base64.b64decode(match[1])), shot.read_bytes())
        said = done.stderr[-2000:]
    raise AssertionError(said)


@pytest.mark.parametrize("look", LOOKS)
def test_all_text_can_be_read(looked: Looked, look: str) -> None:
    found = looked.found[look]
    assert found["bad"] == []
    assert found["texts"] > 30


def test_light_is_light_and_dark_is_dark(looked: Looked) -> None:
    for name in NAMES:
        assert looked.found[f"{name}-light"]["paper"] > 0.9
        assert looked.found[f"{name}-dark"]["paper"] < 0.05


def test_every_line_is_drawn(looked: Looked) -> None:
    lines = {name: looked.found[f"{name}-light"]["lines"] for name in NAMES}
    assert lines["pool.conf"] == 2 + 6 + 1 + 2
    assert lines["sixteen.conf"] == 16
    assert lines["queues.xml"] == 2 + 6 + 1 + 1 + 1


def test_the_look_finds_what_is_wrong(looked: Looked) -> None:
    kinds = {fault.partition(":")[0] for fault in looked.found["broken-light"]["bad"]}
    assert {"overlap", "out of its box", "cut", "faint"} <= kinds


def test_a_screenshot_shows_both_schemes(looked: Looked) -> None:
    """The first page is light, below it is the same one narrow, then dark; there is more than paper on them."""
    width, height, rows = pixels(looked.shot)
    assert (width, height) == (1300, 800)
    light, dark = rows[12:300], rows[630:800]
    assert sum(light[0][3 * 20 : 3 * 21]) > 700
    assert sum(dark[0][3 * 20 : 3 * 21]) < 120
    for half in (light, dark):
        assert len({row[n : n + 3] for row in half for n in range(0, len(row), 3)}) > 30


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """(width, height, rows of RGB) of an 8-bit picture."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    size = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw = zlib.decompress(data)
    rows: list[bytes] = []
    before = bytes(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        before = unfiltered(raw[start], raw[start + 1 : start + 1 + width * size], before, size)
        rows.append(before if size == 3 else bytes(c for n, c in enumerate(before) if n % 4 != 3))
    return width, height, rows


def unfiltered(kind: int, row: bytes, before: bytes, size: int) -> bytes:
    """One row of PNG, whatever its filter."""
    out = bytearray(row)
    for n in range(len(out)):
        left = out[n - size] if n >= size else 0
        up, corner = before[n], before[n - size] if n >= size else 0
        if kind == 4:
            wish = left + up - corner
            near = min((abs(wish - left), 0, left), (abs(wish - up), 1, up), (abs(wish - corner), 2, corner))[2]
        else:
            near = (0, left, up, (left + up) // 2)[kind]
        out[n] = (out[n] + near) & 0xFF
    return bytes(out)
