"""tablet, one way and back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import argv, back, domain, findings, keys, pieces, values


@pytest.mark.parametrize(
    ("config", "there"),
    [
        ("", True),
        ("tablet: 0\n", False),
        ("vga: qxl\n", False),
        ("vga: qxl\ntablet: 1\n", True),
        ("vga: serial0\nserial0: socket\n", False),
        ("vga: none\n", True),
    ],
)
def test_tablet(config: str, there: bool) -> None:
    assert ("usb-tablet,id=tablet,bus=uhci.0,port=1" in values(config, "-device")) == there
    assert (len(pieces(config, "devices/input")) == 1) == there
    assert back(config).get("tablet") == ("0" if "tablet: 0" in config else "1" if "tablet: 1" in config else None)


def test_aarch64_has_a_keyboard_too() -> None:
    words = argv("arch: aarch64\n", bridge.HostFacts(qemu_version="11.0.2"))
    assert {"usb-tablet,id=tablet,bus=ehci.0,port=1", "usb-kbd,id=keyboard,bus=ehci.0,port=2"} <= set(words)


def test_inputs_of_somebody_else() -> None:
    card = "<video><model type='vga'/></video>"
    assert keys(domain(f"<devices>{card}<input type='mouse' bus='ps2'/></devices>"))["tablet"] == "0"
    assert "tablet" not in keys(domain(f"<devices>{card}<input type='tablet' bus='usb'/></devices>"))
    text = domain(f"<devices>{card}<input type='tablet' bus='virtio'/></devices>")
    assert any("bus='virtio'" in m for m in findings(text, "guest-lost"))
