"""Devices that `--args` writes, held against those that libvirt itself gives QEMU for the same domain."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

import bridge
from bridge.core.shellwords import split
from bridge.guest.native import Embedded
from tests.foreign.domains import converted, domains

OWN = frozenset(
    (
        *("id", "bus", "port", "addr", "chardev", "fsdev", "memdev", "rng", "cryptodev", "tpmdev", "audiodev", "drive"),
        *("multifunction", "slot", "node", "index"),
    )
)
"""Names of other things on the command line, and places."""
DEFAULTS = {("max_outputs", "1"), ("vram64_size_mb", "0")}
SIZES = {"ram_size": "ram_size_mb", "vram_size": "vram_size_mb"}
EXPLAINED = {
    "channel-virtio-auto": "vectors and ports of a controller are lost",
    "channel-virtio-autoadd": "libvirt takes a second controller when the ports of the first are gone",
    "hostdev-usb-address-device-boot": "libvirt opens the device by the host's file; the boot order is lost",
    "user-aliases-usb": "the same",
    "video-qxl-sec-device-vram64": "the size of a second card is lost",
    "video-virtio-blob-on": "blob of a second card is lost",
}

Device = tuple[str, frozenset[tuple[str, str]]]


def device(text: str) -> Device:
    """Driver and properties."""
    said: dict[str, Any]
    if text.startswith("{"):
        said = json.loads(text)
        driver = said.pop("driver")
    else:
        driver, *parts = text.replace(",,", "\0").split(",")
        said = {name: value.replace("\0", ",") for name, _, value in (part.partition("=") for part in parts)}
    return driver, frozenset(_property(name, value) for name, value in said.items() if name not in OWN) - DEFAULTS


def _property(name: str, value: Any) -> tuple[str, str]:
    if name in SIZES:
        return SIZES[name], str(int(value) >> 20)
    return name, {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def devices(words: list[str]) -> Counter[Device]:
    return Counter(device(word) for option, word in pairwise(words) if option == "-device")


def _extra(ours: Counter[Device], theirs: Counter[Device]) -> list[Device]:
    """Devices of ours that libvirt's command line has not; a size that it says, and we leave to QEMU, is not a difference."""
    left = list(theirs.elements())
    extra = []
    for driver, said in ours.elements():
        twin = next((one for one in left if one[0] == driver and said <= one[1] and {k for k, _ in one[1] - said} <= {"vgamem_mb"}), None)
        if twin is None:
            extra.append((driver, said))
        else:
            left.remove(twin)
    return extra


@pytest.mark.usefixtures("shared")
def test_they_are_libvirts_own() -> None:
    wrong = {}
    seen = 0
    with Embedded() as libvirt:
        for domain in domains():
            try:
                config = converted(domain, args=True).text
                line = next((line for line in config.split("\n") if line.startswith("args: ")), None)
                ours = devices(split(line.removeprefix("args: "))) if line else Counter()
                theirs = devices(libvirt.native(domain.xml).words) if ours else Counter()
            except bridge.BridgeError:
                continue
            seen += sum(ours.values())
            if bool(extra := _extra(ours, theirs)) != (domain.name in EXPLAINED):
                wrong[domain.name] = extra
    assert not wrong
    assert seen > 60
