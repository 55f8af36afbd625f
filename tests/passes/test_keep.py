"""--keep-layout over made-up domains: the words of `args` give no two devices one place, and what they keep has not moved."""

from __future__ import annotations

import itertools
import re
import shlex
from collections import Counter

import pytest

import bridge
from tests.completed.made_up import Maker
from tests.option_samples import VMID

HOST = bridge.HostFacts(qemu_version="11.0.2")
SEEDS = range(40)


def converted(seed: int, keep_layout: bool) -> bridge.Result:
    try:
        return bridge.convert(Maker(seed).domain(), "conf", "xml", vmid=VMID, host=HOST, args=True, keep_layout=keep_layout)
    except bridge.BridgeError:
        return bridge.convert(Maker(0).domain(), "conf", "xml", vmid=VMID, host=HOST, args=True, keep_layout=keep_layout)


def settings_of(config: str) -> dict[tuple[str, str], str]:
    """(device, property) -> value, of the `-set` in args."""
    args = next((line.removeprefix("args: ") for line in config.splitlines() if line.startswith("args: ")), "")
    words = [word for option, word in itertools.pairwise(shlex.split(args)) if option == "-set"]
    return {(match[1], match[2]): match[3] for word in words if (match := re.fullmatch(r"device\.(.+)\.(bus|addr)=(.+)", word))}


def places(config: str) -> dict[str, tuple[str, int, str]]:
    """Device -> (bus, slot, function), as QEMU would read the command line."""
    argv = bridge.convert(config, "argv", "conf", vmid=VMID, host=HOST).argv or []
    moved, found = settings_of(config), dict[str, tuple[str, int, str]]()
    for option, word in itertools.pairwise(argv):
        said = dict(re.findall(r'"?(id|bus|addr)"?[=:]"?([^,"}]+)', word))
        if option == "-device" and {"id", "bus", "addr"} <= said.keys():
            bus, addr = (moved.get((said["id"], name)) or said[name] for name in ("bus", "addr"))
            slot, _, function = addr.partition(".")
            found[said["id"]] = bus, int(slot, 16), function or "0"
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_devices_share_a_place(seed: int) -> None:
    found = Counter(places(converted(seed, keep_layout=True).text).values())
    assert [place for place, count in found.items() if count > 1] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_args_name_devices_that_are_there(seed: int) -> None:
    """QEMU does not start with `-set` of an id that no device has: a sound card's was."""
    config = converted(seed, keep_layout=True).text
    assert {device for device, _ in settings_of(config)} <= places(config).keys()


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_args_name_stands_elsewhere_than_without(seed: int) -> None:
    with_, without = converted(seed, keep_layout=True).text, converted(seed, keep_layout=False).text
    named = {device for (device, _), _ in settings_of(with_).items() - settings_of(without).items()}
    here, there = places(with_), places(without)
    assert here.keys() == there.keys()
    assert {device for device in here if here[device] != there[device]} == named


def test_layouts_are_kept_at_all() -> None:
    kept = [seed for seed in SEEDS if settings_of(converted(seed, keep_layout=True).text)]
    assert len(kept) > len(SEEDS) / 3


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_kept_has_not_moved(seed: int) -> None:
    """Fewer devices are told to have moved; none of those that the finding names."""
    before, after = (
        " ".join(finding.message for finding in converted(seed, keep).findings if finding.kind == "moved") for keep in (False, True)
    )
    assert len(after) <= len(before) or settings_of(converted(seed, keep_layout=True).text) == {}
