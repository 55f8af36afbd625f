"""Whole results: a config beside its command line and its domain XML; and the config comes back from the XML.

The command lines were confirmed with qemu-server 9.2.6 itself. After a wanted change, `REWRITE=1 pytest tests/test_cases.py` writes
new expectations: read them before they are committed.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from pathlib import Path

import pytest

import bridge

CASES = Path(__file__).parent / "cases"
VMID = 8006
NAMES = sorted(path.stem for path in CASES.glob("*.conf"))


@pytest.fixture(scope="module")
def host() -> bridge.HostFacts:
    return bridge.HostFacts.load(CASES / "host")


def expect(path: Path, text: str) -> None:
    if os.environ.get("REWRITE"):
        path.write_text(text)
    wanted = path.read_text()
    assert text == wanted, "\n" + "".join(difflib.unified_diff(wanted.splitlines(True), text.splitlines(True), path.name, "now"))


def findings(result: bridge.Result) -> str:
    return "".join(f"<!-- {f.kind} ({f.severity}) {f.where}: {f.message} -->\n".replace("--device", "- -device") for f in result.findings)


def test_no_file_is_stray_and_none_is_missing() -> None:
    wanted = {f"{name}{suffix}" for name in NAMES for suffix in (".conf", ".cmd", ".xml")} | {"host"}
    assert {path.name for path in CASES.iterdir()} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_command_line(name: str, host: bridge.HostFacts) -> None:
    text = (CASES / f"{name}.conf").read_text()
    expect(CASES / f"{name}.cmd", bridge.convert(text, "argv", "conf", vmid=VMID, host=host).text)


@pytest.mark.parametrize("name", NAMES)
def test_domain_xml_and_its_findings(name: str, host: bridge.HostFacts) -> None:
    text = (CASES / f"{name}.conf").read_text()
    result = bridge.convert(text, "xml", "conf", vmid=VMID, host=host)
    expect(CASES / f"{name}.xml", result.text + findings(result))


@pytest.mark.parametrize("name", NAMES)
def test_the_config_comes_back(name: str, host: bridge.HostFacts) -> None:
    text = (CASES / f"{name}.conf").read_text()
    xml = bridge.convert(text, "xml", "conf", vmid=VMID, host=host).text
    assert bridge.convert(xml, "conf", "xml", vmid=VMID, host=host, trust_metadata=True).text == bridge.rewrite_config(text, vmid=VMID)


@pytest.mark.parametrize("name", NAMES)
def test_xml_without_metadata_runs_the_same_command_line(name: str, host: bridge.HostFacts) -> None:
    """What XML itself says is enough for the same hardware: only names, sockets and host policy may differ."""
    text = (CASES / f"{name}.conf").read_text()
    xml = bridge.convert(text, "xml", "conf", vmid=VMID, host=host, qemu="11.0", metadata=False).text
    conf = bridge.convert(xml, "conf", "xml", vmid=VMID, host=host, qemu="11.0", args=True).text
    kept = _devices(text, host)
    assert [device for device in _devices(conf, host) if device not in kept] == EXCEPT.get(name, [])


EXCEPT = {
    # driftfix and local time look like Windows XP, whose cards have no EDID with SeaBIOS
    "clock-and-power": ["VGA,id=vga,bus=pcie.0,addr=0x1,edid=off"],
}


def _devices(conf: str, host: bridge.HostFacts) -> list[str]:
    """All -device values; boot indexes by rank, as no firmware cares for more."""
    words = bridge.convert(conf, "argv", "conf", vmid=VMID, host=host).argv or []
    devices = [value for option, value in itertools.pairwise(words) if option == "-device"]
    ranks = sorted({int(n) for device in devices for n in re.findall(r"bootindex[=\":]+(\d+)", device)})
    return [re.sub(r"(bootindex[=\":]+)(\d+)", lambda m: m[1] + str(ranks.index(int(m[2]))), device) for device in devices]
