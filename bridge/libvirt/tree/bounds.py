"""Numbers that no domain has: checked in the tree, before anything is counted out (security-rules S9).

A kind may be stricter, or take a number with a finding; here stands what libvirt or QEMU never takes, so that a huge or malformed
number cannot cost memory or time, or become another number, wherever it is read.
"""

from __future__ import annotations

import re

from ...core.report import BridgeError
from ..address import SPELLINGS
from .node import Node

_is_number = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}").fullmatch
_BYTE, _SHORT, _INT, _LONG = 0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 64) - 1
_FLOW = {"average": _LONG, "peak": _LONG, "burst": _LONG, "floor": _LONG}

MOST: dict[str, dict[str, int]] = {
    "address": {
        "domain": _INT, "bus": _SHORT, "slot": _SHORT, "function": 7, "controller": _SHORT, "target": _INT, "unit": _LONG,
        "device": _SHORT,
    },
    "blockio": {"logical_block_size": _INT, "physical_block_size": _INT, "discard_granularity": _INT},
    "boot": {"order": _INT},
    "cell": {"id": _SHORT, "memory": _LONG},
    "controller": {"index": _SHORT, "ports": _SHORT, "vectors": _INT, "maxGrantFrames": _INT, "maxEventChannels": _INT},
    "driver": {
        "queues": _SHORT, "rx_queue_size": _SHORT, "tx_queue_size": _SHORT, "queue_size": _SHORT, "cmd_per_lun": _INT,
        "max_sectors": _INT, "iothread": _INT, "aw_bits": _BYTE, "statistics": _INT,
    },
    "inbound": _FLOW,
    "outbound": _FLOW,
    "iothread": {"id": _INT, "thread_pool_min": _INT, "thread_pool_max": _INT},
    "iothreadpin": {"iothread": _INT},
    "maxMemory": {"slots": _SHORT},
    "model": {"vram": _INT, "vram64": _INT, "ram": _INT, "vgamem": _INT, "heads": _SHORT},
    "mtu": {"size": _SHORT},
    "poll": {"max": _LONG, "grow": _LONG, "shrink": _LONG},
    "rate": {"bytes": _LONG, "period": _LONG},
    "spinlocks": {"retries": _INT},
    "stats": {"period": _INT},
    "target": {"chassis": _BYTE, "chassisNr": _BYTE, "busNr": _BYTE, "index": _SHORT, "rotation_rate": _SHORT},
    "vcpu": {"id": _SHORT, "current": _SHORT, "order": _SHORT},
    "vcpupin": {"vcpu": _SHORT},
}  # fmt: skip
"""Element -> attribute -> the most that libvirt's type of it, or the hardware, can hold."""

MAX_DEVICES = 2048
"""More than all buses of a machine have places for."""


SETS = {
    "vcpu": "cpuset", "vcpupin": "cpuset", "emulatorpin": "cpuset", "iothreadpin": "cpuset", "cell": "cpus", "memnode": "nodeset",
    "memory": "nodeset", "page": "nodeset",
}  # fmt: skip
"""Element -> attribute that is a set of CPUs or nodes."""
MAX_SETS = 1 << 20
"""Characters of all sets together; each is read number by number."""


MAX_LINE = 3 * (64 << 10)
"""Characters of a value in the residue: no line of a config has more than 64 KiB, and each byte may be escaped to three."""
MAX_RESIDUE = 3 * (1 << 20)
"""Characters of the whole residue: no config is larger than 1 MiB."""


MAX_WORD = 128 << 10
"""Bytes of a word of a command line: Linux starts no program with a longer one (MAX_ARG_STRLEN)."""


LIMITS = {tag: (SETS.get(tag), MOST.get(tag, {})) for tag in SETS.keys() | MOST.keys()}


def check(root: Node) -> None:
    """Raises BridgeError at the first such number."""
    left = MAX_SETS
    for part in root.children:
        if part.tag == "devices" and len(part.children) > MAX_DEVICES:
            raise BridgeError(f"{len(part.children)} devices are more than a machine can have", part)
        if part.tag == "metadata":
            for residue in part.children:
                if residue.tag == "virt-qm:vm":
                    _check_residue(residue)
            continue
        if part.tag == "qemu:commandline":
            _check_words(part)
        left = _check([part], left)


def _check_words(commandline: Node) -> None:
    for node in commandline.children:
        if len(node.attrib.get("value", "")) > MAX_WORD:
            raise BridgeError(f"a word of the command line is longer than {MAX_WORD} characters: remove it", node)


def _check_residue(residue: Node) -> None:
    whole = 0
    for node in residue.children:
        long = max(map(len, (node.text, *node.attrib.values())))
        if long > (MAX_RESIDUE if node.tag == "virt-qm:sections" else MAX_LINE):
            raise BridgeError("the metadata holds more than a line of a config can: remove it", node)
        whole += long
        if whole > MAX_RESIDUE:
            raise BridgeError("the metadata holds more than a config can: remove it", residue)


def _check(nodes: list[Node], left: int) -> int:
    """`left`: characters that sets may still have."""
    for node in nodes:
        if node.attrib and (limits := LIMITS.get(node.tag)) is not None:
            left = _check_attributes(node, *limits, left)
        if node.children:
            left = _check(node.children, left)
    return left


def _check_attributes(node: Node, set_: str | None, most: dict[str, int], left: int) -> int:
    if set_ is not None:
        left -= len(node.attrib.get(set_, ""))
        if left < 0:
            raise BridgeError(f"the sets of CPUs are longer than {MAX_SETS} characters", node)
    for name, text in node.attrib.items():
        limit = most.get(name)
        if limit is None or ((number := SPELLINGS.get(text)) is not None and number <= limit):
            continue
        if not _within(text.strip(" \t\r\n"), limit):
            raise BridgeError(f"{name}='{text[:40]}' is not a number from 0 to {limit}", node)
    return left


def _within(text: str, limit: int) -> bool:
    return bool(_is_number(text)) and int(text, 16 if text[:2] in ("0x", "0X") else 10) <= limit
