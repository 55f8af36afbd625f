"""The law of the comparison: change anything that a guest can see in one of two equal machines, and it is told; change what only the
host sees, and nothing is. What is hidden is listed here; everything else must move the result.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.argv.read import CommandLine, Option, pairs, read
from bridge.core.report import BridgeError
from bridge.guest.compare import compare
from bridge.guest.tree import Tree, tree
from tests.diff.cases import NEWEST, cases

CASES = cases(Path(__file__).parent / "cases")
BOTH = [pytest.param(line, id=f"{case.name}-{side}") for case in CASES for side, line in (("a", case.a), ("b", case.b))]

HIDDEN_OPTIONS = {
    *("S", "audiodev", "blockdev", "chardev", "daemonize", "drive", "id", "mon", "msg", "name", "netdev", "no-shutdown", "no-user-config"),
    *("object", "overcommit", "pidfile", "readconfig", "sandbox", "snapshot", "tpmdev", "vnc"),
}
"""Options whose words no guest sees, or whose visible part has tests of its own (drives, memory backends, -readconfig)."""
HIDDEN = {
    "cpu": {"enforce"},
    "global": {"x86_64-cpu.enforce"},
    "machine": {"dump-guest-core", "mem-merge"},
}
"""Option -> keys that no guest sees."""
NAMES = {
    "device": {"audiodev", "bootindex", "chardev", "drive", "id", "iothread", "memdev", "netdev", "rng", "tpmdev"},
    "machine": {"memory-backend", "pflash0", "pflash1"},
    "numa": {"memdev"},
}
"""Option -> keys that name another thing of the line: `test_names_do_not_count` changes both ends. Of bootindex the order counts."""
FIRST = {"device": "driver", "m": "size", "smp": "cpus", "machine": "type", "boot": "order", "cpu": "model", "numa": "type"}


def altered(value: object) -> list[object]:
    """Other values of the same kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    text = str(value)
    if text in ("on", "off"):
        return [{"on": "off", "off": "on"}[text]]
    number = re.fullmatch(r"(.*?)([0-9a-f]*[0-9])([MGk]?)", text, re.DOTALL)
    if number and not number[2].startswith("ff"):
        digit = int(number[2][-1])
        return [f"{number[1]}{number[2][:-1]}{digit - 1 if digit > 1 else digit + 1}{number[3]}"]
    return [text + "x"]


def written(option: Option, members: list[tuple[str, object]]) -> str:
    if option.value.startswith("{"):
        return json.dumps(dict(members))
    words = []
    for at, (name, value) in enumerate(members):
        text = str(value).replace(",", ",,")
        words.append(text if at == 0 and name == FIRST.get(option.name) else f"{name}={text}")
    return ",".join(words)


def mutants(line: CommandLine) -> Iterator[tuple[str, bool, CommandLine]]:
    """(what was changed, whether the guest sees it, the command line)."""
    for at, option in enumerate(line.options):
        if option.name in HIDDEN_OPTIONS or not option.value:
            continue
        for what, key, value in changed(option):
            if key in NAMES.get(option.name, ()):
                continue
            visible = key not in HIDDEN.get(option.name, ())
            options = [*line.options[:at], Option(option.name, value), *line.options[at + 1 :]]
            yield f"-{option.name} {what}", visible, line._replace(options=options)


def changed(option: Option) -> Iterator[tuple[str, str, str]]:
    """(what, key, the new value of the option)."""
    if option.name in ("k", "watchdog-action", "uuid", "accel"):
        for new in altered(option.value):
            yield str(new), "", str(new)
        return
    if option.name == "global":
        name, _, value = option.value.partition("=")
        for new in altered(value):
            yield f"{name}={new}", name, f"{name}={new}"
        return
    members = pairs(option.value, FIRST.get(option.name))
    for at, (key, value) in enumerate(members):
        for new in altered(str(value).partition("+pve")[0] if key == "type" else value):  # a revision is qemu-server's own
            if option.name == "cpu" and key[:1] in "+-":
                key, new = {"+": "-", "-": "+"}[key[:1]] + key[1:], "on"
            rest = [*members[:at], (key, new), *members[at + 1 :]]
            text = written(option, rest).replace("=on", "") if option.name == "cpu" else written(option, rest)
            yield f"{key}={new}", key.replace("_", "-"), text
        if option.name == "device" and key not in NEEDED | {"bootindex"}:
            yield f"without {key}", key, written(option, [*members[:at], *members[at + 1 :]])


NEEDED = {
    *("hostbus", "hostdevice", "hostport", "productid", "vendorid"),
    *("driver", "addr", "bus", "cad", "channel", "core-id", "index", "lun", "nr", "port", "scsi-id", "slot", "socket-id", "thread-id"),
    "unit",
}
"""A device needs them, or QEMU would choose the same place. Two ways to find a USB device of the host may mean the same one."""
DEFAULTS_SAID = re.compile(
    r"-device without (?:firstport|node|rerror|tx_queue_size|vgamem_mb|vram64_size_mb|vram_size|write-cache|x-speed|x-width)"
)
"""Words that say a default."""


def trees(line: CommandLine) -> Tree | None:
    try:
        return tree(line, NEWEST)
    except BridgeError:
        return None


@pytest.mark.parametrize("line", BOTH)
def test_every_change_that_a_guest_sees_is_told_and_no_other(line: CommandLine) -> None:
    base = tree(line, NEWEST)
    silent: list[str] = []
    loud: list[tuple[str, object]] = []
    seen = 0
    for what, visible, mutant in mutants(line):
        found = trees(mutant)
        differences = [*compare(base, found), *found.notes] if found else ["QEMU would refuse it"]
        seen += 1
        if visible and not differences and not DEFAULTS_SAID.fullmatch(what):
            silent.append(what)
        if not visible and differences:
            loud.append((what, differences))
    assert (silent, loud) == ([], [])
    assert seen > 70


@pytest.mark.parametrize("line", BOTH)
def test_names_do_not_count(line: CommandLine) -> None:
    """Every id, with all that refer to it, has another name: no guest sees it, but for the SCSI id that an old drive gives."""
    base = tree(line, NEWEST)
    owners = {"device": "driver", "netdev": "type", "chardev": "backend", "audiodev": "driver", "object": "qom-type"}
    names = {str(dict(pairs(o.value, owners[o.name])).get("id", "")) for o in line.options if o.name in owners}
    for name in sorted(names - {""}, key=len, reverse=True):
        options = [Option(o.name, renamed(o, name)) if o.name not in ("readconfig", "cpu") else o for o in line.options]
        assert compare(base, tree(line._replace(options=options), NEWEST)) == [], name


NAMED = re.compile(r"(?P<key>id|bus|netdev|chardev|audiodev|masterbus|memdev|iothread|rng|tpmdev|memory-backend)")


def renamed(option: Option, name: str) -> str:
    quoted = re.escape(name)
    text = re.sub(rf'("(?:{NAMED.pattern[8:-1]})":\s*"){quoted}(?=["]|\.\d+")', r"\g<1>other", option.value)
    return re.sub(rf"(?<![\w-])((?:{NAMED.pattern[8:-1]})=){quoted}(?=,|$|\.\d+(?:,|$))", r"\g<1>other", text)


@pytest.mark.parametrize("line", BOTH)
def test_of_bootindex_the_order_counts(line: CommandLine) -> None:
    options = [o._replace(value=re.sub(r'(bootindex"?[=:])([0-9]+)', lambda m: f"{m[1]}{int(m[2]) * 7}", o.value)) for o in line.options]
    assert compare(tree(line, NEWEST), tree(line._replace(options=options), NEWEST)) == []


@pytest.mark.parametrize("line", BOTH)
def test_the_order_of_devices_on_the_line_does_not_count_where_places_are_said(line: CommandLine) -> None:
    """But for serial ports, USB devices and others that QEMU gives the next place."""
    options = sorted(line.options, key=lambda option: (option.name in ("blockdev", "netdev", "chardev"), 0))
    assert compare(tree(line, NEWEST), tree(line._replace(options=options), NEWEST)) == []


ODD = ["", "-1", "9" * 30, "\u0663", "n", "{}", '{"a":1}', "{", "=", "\0", "0x", "1-", "0-99999999", "pci.0", "..", "x" * 500]


@pytest.mark.parametrize("seed", range(4))
def test_a_garbled_line_is_read_or_refused_in_one_line(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(300):
        words = list(chance.choice([line for case in CASES for line in (case.a, case.b)]).words)
        at = chance.randrange(len(words))
        if words[at].startswith("{"):
            members = json.loads(words[at])
            members[chance.choice(list(members))] = chance.choice([*ODD, None, 1.5, -1, 10**30, True, [], {}, [{"iothread": []}]])
            words[at] = json.dumps(members)
        else:
            parts = words[at].split(",")
            name, _, value = chance.choice(parts).partition("=")
            odd = chance.choice(ODD)
            parts[chance.randrange(len(parts))] = chance.choice([f"{name}={odd}", f"{odd}={value}", odd])
            words[at] = ",".join(parts)
        found = outcome(words)
        assert compare(found, found, host=True) == [] if isinstance(found, Tree) else "\n" not in found


def outcome(words: list[str]) -> Tree | str:
    try:
        return tree(read(words), NEWEST)
    except BridgeError as error:
        return error.message


def test_a_line_that_is_cut_short_is_refused_or_differs() -> None:
    for case in CASES:
        words = read(case.text["a"]).words
        base = tree(case.a, NEWEST)
        for end in range(len(words) - 1, len(words) // 2, -7):
            try:
                found = tree(read(words[:end]), NEWEST)
            except BridgeError:
                continue
            assert compare(base, found)
