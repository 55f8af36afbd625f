"""What a drive opens, held against every command line of the corpora."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.host.facts import HostFacts
from bridge.host.storage import Location, blockdev_options, cache_direct, check_content, checked_format, default_aio, drive_file, locate

DRIVE = re.compile(r"((?:ide|sata|scsi|virtio|efidisk)\d+): (.*)")
COMMON = {"aio", "cache", "detect-zeroes", "discard", "node-name", "read-only"}


def drives(conf: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in conf.split("\n"):
        if line.startswith("["):
            break
        if match := DRIVE.fullmatch(line):
            parts = [p.partition("=") if "=" in p else ("file", "=", p) for p in match[2].split(",") if p]
            found[match[1]] = {k: v for k, _, v in parts}
    return found


def check_node(location: Location, drive: dict[str, str], node: dict[str, Any], key: str) -> None:
    file = node.get("file", node)
    cdrom = drive.get("media") == "cdrom"
    assert {k: v for k, v in file.items() if k not in COMMON} == blockdev_options(location, cdrom)
    assert node["driver"] == checked_format(location, key, drive.get("format"))
    cache = drive.get("cache") or ("writeback" if key == "efidisk0" else None)
    assert file["cache"]["direct"] is cache_direct(location, cache, cdrom)
    if "aio" in file:
        assert file["aio"] == drive.get("aio", default_aio(location, file["cache"]["direct"]))
    below, chain = node.get("backing"), []
    while below:
        chain.append(below["file"]["filename"])
        below = below.get("backing")
    assert chain == [path for _, path in location.chain]
    assert node.get("discard-no-unref", False) is location.volume_chain


def check_drive(location: Location, drive: dict[str, str], text: str, key: str) -> None:
    file = drive_file(location)
    if key == "efidisk0":
        form = drive.get("format") or checked_format(location, key, None)
        assert f",format={form},file={file}" in text
        return
    assert text.startswith(f"file={file},if=none," if file else "if=none,")
    cdrom = drive.get("media") == "cdrom"
    direct = cache_direct(location, drive.get("cache"), cdrom)
    aio = drive.get("aio", default_aio(location, direct))
    assert f",aio={aio}" in text
    assert (",cache=none" in text) is (drive.get("cache") == "none" or (direct and not drive.get("cache")))
    if file:
        assert f",format={checked_format(location, key, drive.get('format'))}," in text


def opened(argv: list[str]) -> dict[str, dict[str, Any] | str]:
    """The drives of a command line by key: the format node, or the text of -drive."""
    found: dict[str, dict[str, Any] | str] = {}
    for option, value in itertools.pairwise(argv):
        if option == "-blockdev":
            node = json.loads(value)
            if node["node-name"].startswith("drive-"):
                found[node["node-name"].removeprefix("drive-")] = node["file"] if node["driver"] == "throttle" else node
        elif option == "-drive" and (match := re.search(r"(?:^|,)id=drive-([a-z]+\d+)", value)):
            found[match[1]] = value
    return found


@pytest.fixture(scope="module")
def host(shared: Path) -> HostFacts:
    return HostFacts.load(shared / "corpus/host")


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl")
def test_drives_open_what_the_reference_opens(row: dict[str, Any], host: HostFacts) -> None:
    said = drives(row["conf"])
    for key, told in opened(row.get("argv", [])).items():
        if key not in said:
            assert key == "efidisk0"  # a temporary copy, which no config names
            continue
        location = locate(host, said[key]["file"])
        check_content(location)
        if isinstance(told, str):
            check_drive(location, said[key], told, key)
        else:
            check_node(location, said[key], told, key)
