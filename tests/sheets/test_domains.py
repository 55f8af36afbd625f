"""Every small domain: the config that it becomes, and the config with args, with the layout kept. Made-up ones of many devices, too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import bridge
from tests.completed.made_up import Maker
from tests.option_samples import HOST, TARGET, VMID
from tests.sheets import domains, rare
from tests.sheets.domains import domain, os_
from tests.sheets.sheet import changes, check, kinds, names

DOMAINS = {**domains.DOMAINS, **rare.DOMAINS}
MADE_UP = 60
WORDS: dict[str, Any] = {"vmid": VMID, "host": HOST, **TARGET}


@cache
def plain(machine: str) -> str:
    return bridge.convert(domain(os=os_("", machine)), "conf", "xml", **WORDS).text


def of(xml: str, all_of_it: bool = False) -> Iterator[str]:
    """What the config has more than that of a plain domain."""
    try:
        result = bridge.convert(xml, "conf", "xml", args=all_of_it or None, keep_layout=all_of_it, **WORDS)
    except bridge.BridgeError:
        yield "! refused"
        return
    yield from changes(plain("pc-q35-9.2" if "pc-q35-9.2" in xml else "pc-i440fx-9.2"), result.text)
    yield from kinds(result)


@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_a_domain_becomes(name: str) -> None:
    config = list(of(DOMAINS[name]))
    kept = list(of(DOMAINS[name], all_of_it=True))
    check("domains", name, [*config, *(["-- with args and its layout", *kept] if kept != config else [])])


@pytest.mark.parametrize("seed", range(MADE_UP))
def test_a_made_up_domain_becomes(seed: int) -> None:
    xml = Maker(seed).domain()
    check("made-up", str(seed), [*of(xml), "-- with args and its layout", *of(xml, all_of_it=True)])


def test_every_entry_is_of_a_domain() -> None:
    assert names("domains") == set(DOMAINS)
    assert names("made-up") == {str(seed) for seed in range(MADE_UP)}
