"""Reference command lines: each is the same as itself, neighbours differ, and what libvirt says for the samples is the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import bridge
from bridge.argv.read import read
from bridge.convert import argv_text
from bridge.guest.compare import compare
from bridge.guest.tree import Tree, tree
from tests.corpus import Row
from tests.diff.cases import NEWEST

FILES = ("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl")
ONLY_THE_HOST = {("memory-hugepages-1g", "memory-hugepages-2m"), ("simple-lvm", "simple-lvmthin")}
"""Neighbours that differ for the host alone."""
NOT_AT_ALL = {("qga-fs-freeze-backup-legacy", "qga-fs-freeze"), ("qga-fs-freeze", "qga-minimal")}
"""Neighbours with one and the same command line."""


def rows(corpus: Callable[[str], list[Row]], name: str) -> list[tuple[str, Tree, list[str]]]:
    return [(row["name"], tree(read(row["argv"]), NEWEST), row["argv"]) for row in corpus(name) if "argv" in row]


def test_each_row_is_the_same_as_itself(corpus: Callable[[str], list[Row]]) -> None:
    for name in FILES:
        for row, found, argv in rows(corpus, name):
            assert compare(found, tree(read(argv_text(argv)), NEWEST), host=True) == [], row


def test_neighbours_differ(corpus: Callable[[str], list[Row]]) -> None:
    for name in FILES:
        found = rows(corpus, name)
        for (one, a, _), (other, b, _) in pairwise(found):
            pair = (one, other)
            assert bool(compare(a, b)) == (pair not in ONLY_THE_HOST | NOT_AT_ALL), pair
            assert bool(compare(a, b, host=True)) == (pair not in NOT_AT_ALL), pair


def test_reference_command_lines_are_what_qemu_would_take(corpus: Callable[[str], list[Row]]) -> None:
    """But for the known quirks of the reference (mapping-devices 20), and for an AArch64 board without an IDE bus."""
    for name in FILES:
        for row, found, _ in rows(corpus, name):
            assert found.notes == [] or row.startswith("aarch64"), row


def test_our_own_command_lines_are_the_references(corpus: Callable[[str], list[Row]], shared: object) -> None:
    for row in corpus("random.jsonl")[:60]:
        if "argv" in row:
            host = bridge.HostFacts.load(f"{shared}/corpus/host", **row.get("host", {}))
            own = bridge.convert(row["conf"], source="conf", to="argv", vmid=row["vmid"], host=host).argv
            assert compare(tree(read(row["argv"]), NEWEST), tree(read(own or []), NEWEST), host=True) == [], row["name"]
