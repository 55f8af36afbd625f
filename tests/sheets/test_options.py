"""Every sub-option's sample: what it adds to the command line, to domain XML, and to the config that comes back of XML alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import bridge
from tests.option_samples import HOST, MORE, TARGET, VMID, samples
from tests.sheets import rare
from tests.sheets.sheet import changes, check, differences, kinds, names

SAMPLES = {
    **{f"{sample.option}.{sample.field}" if sample.field else sample.option: sample.config for sample in samples()},
    **{f"more {number}": text for number, text in enumerate(MORE)},
    **rare.CONFIGS,
}
NEWEST: dict[str, Any] = {"vmid": VMID, "host": HOST, **TARGET}
OLD: dict[str, Any] = {"vmid": VMID, "libvirt": "9.0", "qemu": "8.0"}
"""A target of another day, and a node of which nothing is told."""


@cache
def plain(to: bridge.Format, source: bridge.Format, of: str = "", old: bool = False) -> str:
    return bridge.convert(of, to, source, **(OLD if old else NEWEST)).text


def written(text: str) -> Iterator[str]:
    yield from text.splitlines()
    yield "-- argv"
    yield from of(text, "argv")
    yield "-- xml"
    newest = list(of(text, "xml"))
    yield from newest
    yield "-- xml of an older target: the difference"
    yield from differences(newest, list(of(text, "xml", old=True)))


def of(text: str, to: bridge.Format, old: bool = False) -> Iterator[str]:
    """What the config has more than an empty one has."""
    try:
        result = bridge.convert(text, to, "conf", **(OLD if old else NEWEST))
    except bridge.BridgeError:
        yield "! refused"
        return
    yield from changes(plain(to, "conf", old=old), result.text)
    yield from kinds(result)


def read_back(text: str) -> Iterator[str]:
    try:
        xml = bridge.convert(text, "xml", "conf", metadata=False, **NEWEST).text
    except bridge.BridgeError:
        return
    for label, args in (("config of that XML without metadata", None), ("with args", True)):
        yield f"-- {label}"
        try:
            result = bridge.convert(xml, "conf", "xml", args=args, **NEWEST)
        except bridge.BridgeError:
            yield "! refused"
            continue
        yield from result.text.splitlines()
        yield from kinds(result)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_option_becomes(name: str) -> None:
    check("options", name, list(written(SAMPLES[name])))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_option_comes_back(name: str) -> None:
    check("options-back", name, list(read_back(SAMPLES[name])))


def test_every_entry_is_of_a_sample() -> None:
    assert names("options") == names("options-back") == set(SAMPLES)
