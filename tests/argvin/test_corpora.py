"""The law of claims on command lines of libvirt's tests and of qemu-server: no word and no property can be left out or changed unseen."""

from __future__ import annotations

import random
from typing import Any

import pytest

import bridge
from bridge.argv.read import read
from bridge.data.qemu import FLAGS
from tests.argvin.test_sweep import changed
from tests.corpus import SHARED, Row

DEFAULTS = frozenset((
    *("accel tcg", "boot strict=on", "cpu qemu64", "display none", "rtc base=utc", "smp 1,sockets=1,cores=1,threads=1", "vnc none"),
    *("watchdog-action reset", "global ICH9-LPC.noreboot=off", "global ICH9-LPC.disable_s3=0", "global ICH9-LPC.disable_s4=0"),
    *("global PIIX4_PM.disable_s3=0", "global PIIX4_PM.disable_s4=0", "m size=131072k"),
))
"""Options that say what QEMU, or libvirt, does anyway."""
HOSTS = frozenset((
    ("audiodev", "driver"), ("blockdev", "key-secret"), ("blockdev", "read-only"), ("chardev", "tls-creds"), ("netdev", "reconnect-ms"),
    ("netdev", "server"), ("spice", "tls-channel"), ("spice", "x509-dir"), ("tpmdev", "cancel-path"), ("vnc", "audiodev"),
))  # fmt: skip
"""(option, property) that is libvirt's own business, or said of the node above, too."""
MOST = 60
"""Changes of one line; --full makes all."""


def mutants(words: list[str], program: str) -> list[tuple[str, list[str]]]:
    """(what was changed, the words)."""
    found, at = [], words.index(program) + 1
    for option in read(words).options:
        size = 2 if words[at].startswith("-") and option.name not in FLAGS else 1
        if f"{option.name} {option.value}" not in DEFAULTS:
            found.append((f"-{option.name} {option.value}", [*words[:at], *words[at + size :]]))
        for prop, value in changed(words[at + 1], option.name) if size == 2 else ():
            if (option.name, prop) not in HOSTS:
                found.append((f"{prop} of -{option.name} {value}", [*words[: at + 1], value, *words[at + 2 :]]))
        at += size
    return found


def outcome(words: list[str], to: bridge.Format, **facts: Any) -> object:
    """The document and what is said of it, without the places, which hold the words themselves."""
    try:
        result = bridge.convert("\0".join(words) + "\0", to, "argv", **facts)
    except bridge.BridgeError as error:
        return error.message
    return result.text, sorted((finding.kind, finding.message, finding.hint) for finding in result.findings)


def check(words: list[str], program: str, to: bridge.Format, request: pytest.FixtureRequest, **facts: Any) -> None:
    same = outcome(words, to, **facts)
    assert not isinstance(same, str), same
    all_of_them = mutants(words, program)
    if not request.config.getoption("--full"):
        random.Random(14).shuffle(all_of_them)
        del all_of_them[MOST:]
    assert [what for what, changed_ in all_of_them if outcome(changed_, to, **facts) == same] == []


@pytest.mark.corpus("libvirt-args.jsonl", sample=12)
def test_no_word_of_a_line_of_libvirts_moves_nothing(row: Row, request: pytest.FixtureRequest) -> None:
    try:
        line = read(row["args"])
    except bridge.BridgeError:
        return  # its tests hand QEMU words that are not options
    if "scsi-generic" not in row["args"]:  # a device of the host is lost whole
        check(line.words, line.program, "xml", request)


@pytest.mark.corpus("random.jsonl", sample=4)
def test_no_word_of_a_line_of_qemu_servers_moves_nothing(row: Row, request: pytest.FixtureRequest) -> None:
    assert SHARED is not None
    if "argv" in row and not row.get("snapshot"):
        host = bridge.HostFacts.load(SHARED / "corpus/host", **row.get("host", {}))
        check(row["argv"], read(row["argv"]).program, "conf", request, host=host, vmid=row["vmid"])
