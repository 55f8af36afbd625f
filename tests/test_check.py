"""`virt-qm check`: findings of the conversion, and both schemas where they have a say."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.libvirt.host import validate
from bridge.operations.check import LIBVIRT, OWN, problems
from tests.kinds.both import domain

LINES = sorted((Path(__file__).parent / "argvin/lines").glob("*.cmd"))


def invalid(text: str, source: str | None = None) -> list[str]:
    found = problems(text.encode(), {"source": source, "file": "vm.txt", "vmid": 100})
    return [f.message for f in found if f.kind == "invalid"]


def test_a_config_becomes_valid_xml() -> None:
    assert invalid("name: x\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n") == []


def test_what_the_config_says_is_checked_too() -> None:
    kinds = {f.kind for f in problems(b"nonsense: 1\nhotplug: disk\n", {"source": None, "file": "100.conf"})}
    assert {"bad-line", "metadata-only"} <= kinds


def test_a_document_of_the_bridge_is_held_to_its_own_schema_too() -> None:
    text = bridge.convert("name: x\n", "xml", "conf").text
    assert invalid(text) == []
    broken = text.replace("<acpi/>", "<acpi/><pmu state='on'/><vmcoreinfo state='on'/>")
    assert all(message.startswith(OWN) for message in invalid(broken))
    assert invalid(broken)


def test_a_domain_of_somebody_else_is_held_to_libvirts() -> None:
    foreign = domain("<devices><vsock model='virtio'><cid auto='yes'/></vsock></devices>")
    assert invalid(foreign) == []
    messages = invalid(foreign.replace("<cid auto='yes'/>", "<cid auto='maybe'/>"))
    assert messages
    assert all(message.startswith(LIBVIRT) for message in messages)


def test_without_libvirt_the_bridges_schema_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "rng_problems", lambda _: None)
    text = bridge.convert("name: x\n", "xml", "conf").text
    assert invalid(text) == []
    assert invalid(text.replace('offset="utc"', 'offset="utc" start="x"')) != []


@pytest.mark.parametrize("path", LINES, ids=lambda path: path.stem)
def test_a_command_line_is_not_held_to_what_a_config_can_say(path: Path) -> None:
    """Floppies, parallel ports, `vc` and `model='none'` are libvirt's own."""
    assert invalid(path.read_text()) == []


def test_a_command_line_is_held_to_libvirts_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refused(text: str) -> list[validate.Problem]:
        asked.append(text)
        return [validate.Problem(3, "no")]

    monkeypatch.setattr(validate, "rng_problems", refused)
    assert invalid("qemu-system-x86_64 -m 1G") == [f"{LIBVIRT}: no"]
    assert "<domain" in asked[0]


def test_a_line_of_qemu_servers_own_is_held_to_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes a config first, and the document says so."""
    argv = bridge.convert("name: x\nvirtio0: /srv/a.raw\n", "argv", "conf", vmid=100).text
    assert invalid(argv, "argv") == []
    monkeypatch.setattr(validate, "xsd_problems", lambda _: [validate.Problem(1, "no")])
    assert invalid(argv, "argv") == [f"{OWN}: no"]
