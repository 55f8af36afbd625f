"""What a guest said on its console, as facts: a section, a place in it, a value; without numbers that depend on the order of probing."""

from __future__ import annotations

import re

from tests.boot.udev import block_names, net_names

Facts = dict[str, dict[str, str]]

PLACED = ("block", "net", "virtio", "ports", "usb")
"""Sections whose devices are known by where they stand, `/sys/block/sda -> ../devices/pci0000:00/...`, not by their number."""

_MOVING = (
    # what the order of probing numbers, or time
    (re.compile(r"\b(host|virtio|input|event|vport|port|usb|ata_port|eth|nvme)\d+(p\d+)?"), r"\1"),
    (re.compile(r"\btarget\d+:"), "target:"),
    (re.compile(r"/\d+:(\d+:\d+:\d+)"), r"/\1"),
    (re.compile(r"/(block|net)/\w+$"), r"/\1"),
)

_BY_CHANCE = re.compile(r"\s*000e[0-9a-f]{4}-000e[0-9a-f]{4} : Adapter ROM")
"""SeaBIOS's own memory, which sometimes starts like a ROM; within what the kernel lists as reserved, the line is further in."""


def facts(console: str) -> Facts:
    """The sections of a console up to `== end`, and what udev would name its disks and NICs."""
    found: Facts = {}
    section: dict[str, str] = {}
    places: dict[str, str] = {}
    name = ""
    for line in console.replace("\r", "").split("\n"):
        if line.startswith("== "):
            name, section, places = line[3:], {}, {}
            found[name] = section
        elif name in PLACED and " -> " in line:
            device, _, link = line.partition(" -> ")
            places[device] = moving_taken_out(link)
            section[places[device]] = "present"
        elif line:
            if name == "input":
                line = moving_taken_out(line)
            if _BY_CHANCE.match(line):
                continue
            key, equals, value = line.partition("=")
            for device, place in places.items():
                if key.startswith(device + "/"):
                    key = f"{place} {key[len(device) + 1 :]}"
                    break
            section[key if equals else numbered(section, line)] = value
    del found["end"]
    found["by-id"] = block_names(found["block"])
    found["net-id"] = net_names(found["net"], found["slots"])
    return found


def moving_taken_out(link: str) -> str:
    for pattern, stays in _MOVING:
        link = pattern.sub(stays, link)
    return link.removeprefix("../").replace("../", "")


def numbered(section: dict[str, str], line: str) -> str:
    """A line as a key of its own; the same line again counts."""
    count = 1
    while (key := line if count == 1 else f"{line} #{count}") in section:
        count += 1
    return key


def differences(left: Facts, right: Facts) -> list[str]:
    """`section key: left | right`, for everything that is not the same in both."""
    ours, theirs = flat(left), flat(right)
    different = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    return [f"{key}: {ours.get(key, '-')} | {theirs.get(key, '-')}" for key in different]


def flat(of: Facts) -> dict[str, str]:
    return {f"{section} {key}": value for section, values in of.items() for key, value in values.items()}
