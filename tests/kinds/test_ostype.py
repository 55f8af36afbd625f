"""Which ostype an XML means where nothing names it."""

from __future__ import annotations

import re

import pytest

import bridge

HOST = bridge.HostFacts(qemu_version="10.0.2")
ALIKE = {"w2k": "wxp", "w2k3": "wxp", "wvista": "w2k8", "win7": "win10", "win8": "win10", "win11": "win10", "l24": "l26", "other": "l26"}
"""ostype -> the one that stands for it: qemu-server does the same to both guests."""


@pytest.mark.parametrize(
    "ostype", ["l26", "other", "l24", "solaris", "wxp", "w2k", "w2k3", "wvista", "w2k8", "win7", "win8", "win10", "win11"]
)
@pytest.mark.parametrize("machine", ["pc-i440fx-2.12", "pc-i440fx-9.0", "q35"])
def test_what_an_ostype_does_to_the_guest_names_it(ostype: str, machine: str) -> None:
    """Without names and metadata, only the clock, the timers and the enlightenments are left to tell."""
    text = bridge.convert(f"ostype: {ostype}\nmachine: {machine}\ncpu: host", to="xml", source="conf", host=HOST, metadata=False).text
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    out = bridge.convert(text, to="conf", source="xml", host=HOST)
    assert f"ostype: {ALIKE.get(ostype, ostype)}\n" in out.text
    assert [finding.kind for finding in out.findings if "ostype" in finding.message] == ["ambiguous"]


def test_windows_7_with_ovmf_has_no_enlightenments() -> None:
    config = "bios: ovmf\nefidisk0: local:100/vm-100-disk-0.raw,size=128K\nostype: win7\nmachine: q35"
    text = bridge.convert(config, to="xml", source="conf", host=HOST, metadata=False).text
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    assert "ostype: win7\n" in bridge.convert(text, to="conf", source="xml", host=HOST).text
