"""Blocks of memory on both sides of a move, and what was plugged in since: by the command lines, and by what runs."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.argv.read import CommandLine, read
from bridge.core.report import BridgeError
from bridge.operations.move import check

pytestmark = pytest.mark.quick
DIMM = "-object memory-backend-ram,id={0},size=512M -device pc-dimm,id=d{1},memdev={0}{2}"


def line(*words: str) -> CommandLine:
    return read(["qemu-system-x86_64", *" ".join(words).split()])


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        ("", "", {}),
        ("", "-M pc,memory-backend=pc.ram -object memory-backend-ram,id=pc.ram,size=128M", {}),
        ("", "-M pc,memory-backend=ram0 -object memory-backend-ram,id=ram0,size=128M", {"pc.ram": "ram0"}),
        (DIMM.format("mem-dimm0", 0, ""), DIMM.format("memdimm0", 0, ",slot=0"), {"mem-dimm0": "memdimm0"}),
        (
            f"{DIMM.format('a', 0, ',slot=1')} {DIMM.format('b', 1, ',slot=0')}",
            f"{DIMM.format('x', 0, ',slot=0')} {DIMM.format('y', 1, ',slot=1')}",
            {"a": "y", "b": "x"},
        ),
        (
            "-object memory-backend-ram,id=r0,size=64M -numa node,nodeid=0,memdev=r0",
            "-object memory-backend-ram,id=ram-node0,size=64M -numa node,nodeid=0,cpus=0,memdev=ram-node0",
            {"r0": "ram-node0"},
        ),
    ],
)
def test_blocks_that_have_another_name_there(ours: str, theirs: str, wanted: dict[str, str]) -> None:
    assert check.renamed(line(ours), line(theirs)) == wanted
    assert check.renamed(line(theirs), line(ours)) == {new: old for old, new in wanted.items()}


@pytest.mark.parametrize("more", [DIMM.format("m", 0, ""), "-object memory-backend-ram,id=r,size=9M -numa node,memdev=r"])
def test_another_number_of_blocks_is_refused_both_ways(more: str) -> None:
    for one, other in ((line(more), line("")), (line(""), line(more))):
        with pytest.raises(BridgeError, match="not divided the same way"):
            check.renamed(one, other)


def test_a_name_that_another_block_keeps_is_refused() -> None:
    ours = line(DIMM.format("a", 0, ",slot=0"), DIMM.format("b", 1, ",slot=1"))
    theirs = line(DIMM.format("b", 0, ",slot=0"), DIMM.format("b", 1, ",slot=1"))
    with pytest.raises(BridgeError, match="the name of another one"):
        check.renamed(ours, theirs)


class Machine:
    """A QEMU that lists these devices, and why it would not migrate."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def do(self, command: str, arguments: Any = None) -> Any:  # noqa: ARG002
        if command == "query-migrate":
            return {"blocked-reasons": ["a disk"]} if self.names else {}
        return [{"name": "type", "type": "string"}, *({"name": name, "type": f"child<{name}-driver>"} for name in self.names)]


def told(found: list[Any]) -> list[tuple[str, object, object, str]]:
    return [(each.what, *each[2:5]) for each in found]


def test_what_was_plugged_in_or_out_since() -> None:
    given: Any = Machine("net0", "usb9")
    found = check.plugged(given, line("-device e1000,id=net0 -device e1000,id=net1 -device e1000"))
    assert told(found) == [
        ("device usb9", "usb9-driver", None, "plugged in later"),
        ("device net1", None, "e1000", "plugged out"),
    ]
    xml = "<domain><devices><disk><alias name='net0'/></disk><interface><alias name='net5'/></interface></devices></domain>"
    found = check.plugged_by_libvirt(xml, line("-device e1000,id=net0 -device e1000,id=net1"))
    assert told(found) == [("device net5", "<interface>", None, "plugged in later"), ("device net1", None, "e1000", "plugged out")]


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("-smp 2", ["memory-at-risk"]),
        ("-smp 1,maxcpus=4 -device qemu64-x86_64-cpu,id=cpu2,socket-id=1,core-id=0,thread-id=0", ["memory-at-risk"]),
        ("-accel tcg -smp cpus=3", ["memory-at-risk"]),
        ("-smp 1,maxcpus=4", []),
        ("-smp 4 -enable-kvm", []),
        ("-smp 4 -machine accel=kvm", []),
        ("-name web", []),
    ],
)
def test_memory_is_at_risk_under_tcg_with_more_than_one_cpu(words: str, kinds: list[str]) -> None:
    assert [finding.kind for finding in check.at_risk(line(words))] == kinds


def test_why_it_would_not_migrate() -> None:
    given: Any = Machine("a")
    none: Any = Machine()
    assert (check.blocked(given), check.blocked(none)) == (["a disk"], [])
