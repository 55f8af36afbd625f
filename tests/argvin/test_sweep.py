"""The law of claims: change any value on a command line, and the document or the findings move."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge
from bridge.argv.read import pairs, read
from bridge.argv.reading.said import FIRST
from bridge.data.qemu import FLAGS
from tests.diff.test_mutations import altered

LINES = Path(__file__).parent / "lines"
NAMES = sorted(path.stem for path in LINES.glob("*.cmd"))
CASES = Path(__file__).parents[1] / "cases"
MEANINGLESS = {
    ("windows-spice", "chardev", "name"): "QEMU's own name of a SPICE channel, which a config has no say in",
    ("virtiofs", "object", "share"): "virtiofs needs shared memory, and brings it",
    ("nixos-test", "device", "bootindex"): "the order counts, not the number",
    ("desktop-script", "device", "id"): "a bus that nothing names by it",
    ("secure-boot-tpm", "chardev", "backend"): "a config's TPM has a socket of its own",
    ("virtiofs", "chardev", "backend"): "the same of virtiofsd",
    ("hyperv-tpm", "chardev", "backend"): "the same of a TPM",
    ("nested-iommu", "device", "bootindex"): "the order counts, not the number",
    ("pxe-client", "device", "bootindex"): "the order counts, not the number",
    ("network-drives", "drive", "readonly"): "a CD-ROM is",
    ("network-drives", "blockdev", "server.0.host"): "a config has no image of a storage that nobody knows",
    ("network-drives", "blockdev", "server.0.port"): "the same",
    ("agent-channels", "device", "nr"): "guests find the agent's port by its name; that of qemu-server has a place of its own",
    ("confidential", "object", "cbitpos"): "qemu-server asks the node's CPU",
    ("confidential", "object", "reduced-phys-bits"): "qemu-server asks the node's CPU",
    ("confidential", "device", "id"): "qemu-server names its adapters itself",
    ("memory-hotplug", "device", "id"): "both sides name modules themselves, which is told",
    ("memory-hotplug", "object", "share"): "how the host holds the memory",
    ("gpu-workstation", "object", "id"): "a key of the host's keyboard, which nothing names by it",
    ("gpu-workstation", "object", "share"): "how the host holds the memory",
    ("kernel-in-a-hurry", "device", "id"): "qemu-server names its watchdog itself",
    ("microvm-nix", "M", "usb"): "qemu-server's pc has the same controller",
    ("microvm-nix", "object", "share"): "virtiofs needs shared memory, and brings it",
    ("microvm-nix", "chardev", "backend"): "virtiofsd's socket is another one",
    ("migration-target", "blockdev", "user"): "a config has no image of a storage that nobody knows",
    ("migration-target", "blockdev", "conf"): "the same",
    ("migration-target", "blockdev", "cache.direct"): "the same",
    ("migration-target", "device", "serial"): "the same",
    ("migration-target", "device", "write-cache"): "the same",
    ("packet-switch", "netdev", "vhostforce"): "vhost-user always is",
    ("packet-switch", "object", "share"): "how the host holds the memory",
    ("packet-switch", "chardev", "backend"): "a config's card stands on a bridge",
    ("quick-windows", "chardev", "name"): "QEMU's own name of a SPICE channel, which a config has no say in",
    ("quick-windows", "chardev", "backend"): "a config's TPM has a socket of its own",
    ("quick-windows", "device", "id"): "a bus that nothing names by it",
    ("quick-windows", "device", "ram_size"): "QEMU rounds the sizes of a qxl card up",
    ("quick-windows", "device", "vram_size"): "the same",
    ("unattended-server", "boot", "menu"): "qemu-server's firmware always has a menu",
}
"""(line, option, property) -> why a config is the same with another value."""
_WORD = re.compile(r"\S+:word [0-9]+ \(.*?\)|\S+ \(of QEMU's own.*?\)")


def outcome(words: list[str], to: bridge.Format) -> object:
    """The document and what is said of it, without the places, which hold the words themselves."""
    try:
        result = bridge.convert("\0".join(words) + "\0", to, "argv")
    except bridge.BridgeError as error:
        return error.message
    return result.text, sorted((f.kind, f.message, f.hint) for f in result.findings)


def changed(value: str, option: str) -> Iterator[tuple[str, str]]:
    """(property, the option's value with another one of it)."""
    members = pairs(value, FIRST.get(option)) if "=" in value or "," in value or value.startswith("{") else []
    if not members:
        yield "", str(altered(value)[0])
    for n, (name, old) in enumerate(members):
        if isinstance(old, dict | list):
            continue
        now = [*members[:n], (name, altered(old)[0]), *members[n + 1 :]]
        if value.startswith("{"):
            yield name, json.dumps(dict(now))
        else:
            texts = (
                (str(each) if rank == 0 and key == FIRST.get(option) else f"{key}={each}").replace(",", ",,")
                for rank, (key, each) in enumerate(now)
            )
            yield name, ",".join(texts)


def silent(text: str, to: bridge.Format, name: str) -> list[str]:
    line = read(text)
    words, at = line.words, line.words.index(line.program) + 1
    plain = outcome(words, to)
    found = []
    for option in line.options:
        size = 2 if words[at].startswith("-") and option.name not in FLAGS else 1
        if size == 2:
            for prop, value in changed(words[at + 1], option.name):
                mutant = [*words[: at + 1], value, *words[at + 2 :]]
                if (name, option.name, prop) not in MEANINGLESS and outcome(mutant, to) == plain:
                    found.append(f"-{option.name} {prop}: {value}")
        at += size
    return found


@pytest.mark.parametrize("to", ["xml", "conf"])
@pytest.mark.parametrize("name", NAMES)
def test_no_value_moves_nothing(name: str, to: bridge.Format) -> None:
    assert silent((LINES / f"{name}.cmd").read_text(), to, name) == []


@pytest.mark.parametrize("name", ["drives", "iothreads-pool", "hugepages"])
def test_no_value_of_a_line_of_qemu_servers_moves_nothing(name: str) -> None:
    assert silent((CASES / f"{name}.cmd").read_text(), "conf", name) == []


def test_no_option_can_be_left_out_unseen() -> None:
    """But for those that say what QEMU does anyway."""
    words = read((LINES / "desktop-script.cmd").read_text()).words
    plain = outcome(words, "xml")
    same = [f"{words[n]} {words[n + 1]}" for n in range(1, len(words) - 1, 2) if outcome([*words[:n], *words[n + 2 :]], "xml") == plain]
    assert same == ["-vga none", "-k en-us"]
