"""What our own XML makes no news of is left out of the findings; to see that the document is as it was written tells as much as the
long way does: the XML of the config that came out, taken apart, and read once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import bridge
from bridge.roundtrip.documents import Original

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.xml"))
VMID = 8006

EDITS: dict[str, Callable[[str], str]] = {
    "as written": str,
    "another clock": lambda xml: xml.replace('offset="utc"', 'offset="localtime"'),
    "fewer enlightenments": lambda xml: xml.replace("<vpindex", "<!-- --><vapic").replace("<relaxed", "<!-- --><vapic"),
    "images of others": lambda xml: xml.replace("vm-8006-", "vm-77-").replace('="/dev/', '="/dev/x'),
    "another format": lambda xml: xml.replace('type="raw"', 'type="qcow2"'),
    "another VM": lambda xml: xml.replace('vmid="8006"', 'vmid="77"'),
    "other metadata": lambda xml: xml.replace("  </metadata>", "    <x/>\n  </metadata>"),
    "more": lambda xml: xml.replace("  <devices>", "  <devices>\n    <sound/>"),
}


@pytest.fixture(scope="module")
def host() -> bridge.HostFacts:
    return bridge.HostFacts.load(CASES / "host")


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def take() -> None:
        monkeypatch.setattr(Original, "is_written_as", lambda *_: False)

    return take


def told(xml: str, host: bridge.HostFacts) -> object:
    try:
        result = bridge.convert(xml, "conf", "xml", host=host)
    except bridge.BridgeError as error:
        return str(error)
    return result.text, result.findings, result.pins


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", NAMES)
def test_the_short_way_knows_no_more(name: str, edit: str, host: bridge.HostFacts, long_way: Callable[[], None]) -> None:
    xml = EDITS[edit](bridge.convert((CASES / f"{name}.conf").read_text(), "xml", "conf", vmid=VMID, host=host).text)
    early = told(xml, host)
    long_way()
    assert early == told(xml, host)


def test_own_xml_of_a_plain_vm_needs_no_second_look(host: bridge.HostFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    xml = bridge.convert((CASES / "minimal.conf").read_text(), "xml", "conf", vmid=VMID, host=host).text
    monkeypatch.delattr(Original, "atoms")
    assert bridge.convert(xml, "conf", "xml", host=host).findings == []


@pytest.mark.parametrize(
    "conf",
    [
        "localtime: 0\nostype: wxp\nvga: qxl4\n",
        "localtime: 1\n",
        "ostype: other\ntdf: 1\nvga: qxl,memory=32\n",
        "ostype: win11\nvga: qxl2\n",
        "serial0: socket\nvga: none\n",
    ],
)
def test_args_do_not_say_again_what_the_metadata_says(conf: str) -> None:
    """Further cards came out twice, by `vga` and by `args`, and QEMU refused their ids."""
    xml = bridge.convert(conf, "xml", "conf", vmid=VMID).text
    assert bridge.convert(xml, "conf", "xml", args=True).text == conf
