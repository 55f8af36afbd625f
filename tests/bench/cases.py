"""What is measured on: every config of the corpora that converts, or this repo's own where there are no corpora."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bridge
from tests import corpus

FILES = ("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl")
OWN = corpus.ROOT / "tests/cases"
VMID = 8006


class Case(NamedTuple):
    """A config with its host, and the XML without and with metadata that it becomes."""

    name: str
    conf: str
    host: bridge.HostFacts
    bare: str
    xml: str


def cases(limit: int | None = None) -> list[Case]:
    """At most `limit` of them, spread evenly."""
    found = [case for name, conf, host in _configs() if (case := _case(name, conf, host))]
    return found if limit is None else found[:: max(1, len(found) // limit)][:limit]


def _configs() -> Iterator[tuple[str, str, bridge.HostFacts]]:
    if corpus.SHARED is None:
        host = bridge.HostFacts.load(OWN / "host")
        yield from ((file.stem, file.read_text(), host) for file in sorted(OWN.glob("*.conf")))
        return
    for file in FILES:
        for row in corpus.rows(file):
            yield row["name"], row["conf"], bridge.HostFacts.load(corpus.SHARED / "corpus/host", **row.get("host", {}))


def _case(name: str, conf: str, host: bridge.HostFacts) -> Case | None:
    """None for a config that one of the formats refuses: there is nothing to compare."""
    try:
        bridge.convert(conf, "argv", "conf", vmid=VMID, host=host)
        bare = bridge.convert(conf, "xml", "conf", vmid=VMID, host=host, metadata=False).text
        xml = bridge.convert(conf, "xml", "conf", vmid=VMID, host=host).text
        bridge.convert(xml, "conf", "xml", vmid=VMID, host=host)
    except bridge.BridgeError:
        return None
    return Case(name, conf, host, bare, xml)


def fleet(directory: Path, count: int) -> Path:
    """So many configs, made of the cases under other ids and names; the host's facts beside them."""
    configs = directory / "configs"
    configs.mkdir(parents=True)
    texts = [case.conf for case in cases()]
    for number in range(count):
        vmid = 10_000 + number
        text = re.sub(rf"(?<=[-/]){VMID}(?=[-/])", str(vmid), texts[number % len(texts)])
        (configs / f"{vmid}.conf").write_text(re.sub(r"(?m)^name: .*$", f"name: vm{number}", text))
    return configs


def host_directory() -> Path:
    return OWN / "host" if corpus.SHARED is None else corpus.SHARED / "corpus/host"
