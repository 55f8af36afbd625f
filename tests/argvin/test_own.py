"""qemu-server's own command lines: argv(conf(argv)) == argv, for every config of the repo and for one config of every option."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

import bridge
from tests import option_samples
from tests.corpus import ROOT, Row, rows, sample

CASES = ROOT / "tests/cases"
CONFIGS = sorted([*CASES.glob("*.conf"), *(ROOT / "samples").rglob("*.conf")])
OPTIONS = [pytest.param(each, id=f"{each.option}-{each.field}") for each in option_samples.samples()]
NOT_ON_THE_LINE = {
    ("hostpciN", "mdev"): ("resource-unknown", "type"),
    ("runningcpu", None): ("added", "CPU"),
}
"""Options that the line does not tell, or that belong to a saved state -> the finding that says so, and a word of it."""


def back(argv: list[str], vmid: int, host: bridge.HostFacts) -> list[str] | None:
    config = bridge.convert("\0".join(argv) + "\0", "conf", "argv", vmid=vmid, host=host, args=True).text
    return bridge.convert(config, "argv", "conf", vmid=vmid, host=host).argv


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_own_line_comes_back_word_for_word(path: Path) -> None:
    host = bridge.HostFacts.load(CASES / "host")
    argv = None
    with suppress(bridge.BridgeError):  # one of the samples is not well
        argv = bridge.convert(path.read_text(), "argv", "conf", vmid=8006, host=host).argv
    assert argv is None or back(argv, 8006, host) == argv


@pytest.mark.parametrize("each", OPTIONS)
def test_every_option_comes_back_word_for_word(each: option_samples.Sample) -> None:
    argv = None
    with suppress(bridge.BridgeError):
        argv = bridge.convert(each.config, "argv", "conf", vmid=option_samples.VMID, host=option_samples.HOST).argv
    if argv is None:
        return
    told = NOT_ON_THE_LINE.get((each.option, each.field))
    if told is None:
        assert back(argv, option_samples.VMID, option_samples.HOST) == argv
    else:
        found = bridge.convert("\0".join(argv), "conf", "argv", vmid=option_samples.VMID, host=option_samples.HOST).findings
        assert any(finding.kind == told[0] and told[1] in finding.message for finding in found)


def test_id_of_the_line_counts() -> None:
    argv = bridge.convert("memory: 1024\n", "argv", "conf", vmid=4711).argv
    assert argv is not None
    found = bridge.convert("\0".join(argv), "conf", "argv", args=True)
    assert found.vm.meta.vmid == 4711
    assert bridge.convert(found.text, "argv", "conf", vmid=4711).argv == argv


@pytest.mark.parametrize("name", ["cfg2cmd.jsonl", "random.jsonl", "random-wide.jsonl"])
def test_lines_of_the_corpora_come_back(name: str, full: bool) -> None:
    """Those of the reference, of which a few say what no config does (a state to load)."""
    wanted = [row for row in rows(name) if "argv" in row and not row.get("snapshot")]
    chosen = sample(wanted, 60, full)
    wrong = [row["name"] for row in chosen if not _same(row)]
    assert len(wrong) <= len(chosen) * 0.03, wrong


def _same(row: Row) -> bool:
    from tests.corpus import SHARED

    assert SHARED is not None
    host = bridge.HostFacts.load(SHARED / "corpus/host", **row.get("host", {}))
    try:
        return bool(back(row["argv"], row["vmid"], host) == row["argv"])
    except bridge.BridgeError:
        return False
