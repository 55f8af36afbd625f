"""Fleets as a program runs them: `bridge.convert_fleet`."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.fleet import work
from bridge.fleet.run import CHUNK
from bridge.host.facts import HostFacts
from tests.corpus import ROOT
from tests.fleet import configs
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

MANY = range(100, 300)
BROKEN = range(100, 300, 20)


def run(files: list[str | Path], out: Path, **given: Any) -> list[bridge.Outcome]:
    return list(bridge.convert_fleet(files, given.pop("to", "xml"), out, **given))


def statuses(outcomes: list[bridge.Outcome]) -> Counter[str]:
    return Counter(outcome.status for outcome in outcomes)


def files_in(directory: Path) -> dict[str, str]:
    """Name -> text of everything but the record."""
    return {path.name: path.read_text() for path in directory.iterdir() if path.name != ".virt-qm-fleet.jsonl"}


@contextmanager
def dask(directory: Path) -> Iterator[Executor]:
    import dask
    import distributed

    client_of: Any = distributed.Client
    patience = {f"distributed.comm.timeouts.{kind}": f"{PATIENCE:g} s" for kind in ("connect", "tcp")}
    how = {"n_workers": 1, "threads_per_worker": 2, "processes": True, "dashboard_address": ":0", "local_directory": str(directory)}
    with dask.config.set(patience), client_of(timeout=PATIENCE, **how) as client, client.get_executor() as executor:
        yield executor


def threads(_: Path) -> Executor:
    return ThreadPoolExecutor(2)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configs.fill(tmp_path_factory.mktemp("fleet"), MANY, BROKEN)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_input_has_its_outcome_and_the_good_ones_their_file(fleet: Path, tmp_path: Path, jobs: int) -> None:
    outcomes = run([fleet], tmp_path, jobs=jobs)
    assert [outcome.file for outcome in outcomes] == [str(fleet / f"{vmid}.conf") for vmid in MANY]
    assert {outcome.file: outcome.status for outcome in outcomes} == {
        str(fleet / f"{vmid}.conf"): "refused" if vmid in BROKEN else "converted" for vmid in MANY
    }
    refused = next(outcome for outcome in outcomes if outcome.status == "refused")
    assert (refused.where, refused.output) == (f"{fleet}/100.conf:9", None)
    assert "quotes do not balance" in (refused.error or "")
    assert files_in(tmp_path) == {f"{vmid}.xml": configs.converted(fleet / f"{vmid}.conf") for vmid in MANY if vmid not in BROKEN}


@pytest.mark.parametrize("executor", [dask, threads])
def test_any_executor_gives_the_same(fleet: Path, tmp_path: Path, executor: Any) -> None:
    own = run([fleet], tmp_path / "own", jobs=1)
    with executor(tmp_path / "workers") as workers:
        others = run([fleet], tmp_path / "other", executor=workers)
    assert [(one.file, one.status, one.findings) for one in own] == [(other.file, other.status, other.findings) for other in others]
    assert files_in(tmp_path / "own") == files_in(tmp_path / "other")


def test_the_host_facts_and_the_keywords_reach_the_workers(tmp_path: Path) -> None:
    fleet = configs.fill(tmp_path / "in", range(100, 200))
    host = HostFacts.load(None, bridge_mtu={"vmbr0": 9000})
    run([fleet], tmp_path / "out", host=host, jobs=2, metadata=False, libvirt="11.3")
    text = (tmp_path / "out/150.xml").read_text()
    assert '<mtu size="9000"/>' in text
    assert "<metadata>" not in text


def test_names_that_clash_get_the_id_and_come_back_without_it(tmp_path: Path) -> None:
    fleet = configs.fill(tmp_path / "in", range(101, 104), names={101: "web", 102: "db", 103: "web"})
    outcomes = run([fleet], tmp_path / "out")
    texts = files_in(tmp_path / "out")
    for vmid, name in ((101, "web-101"), (102, "db"), (103, "web-103")):
        assert f"  <name>{name}</name>\n" in texts[f"{vmid}.xml"]
    assert [finding.hint for outcome in outcomes for finding in outcome.findings if "same name" in finding.message] == [
        "this domain is called web-101",
        "this domain is called web-103",
    ]
    run([tmp_path / "out"], tmp_path / "back", to="conf")
    assert files_in(tmp_path / "back") == files_in(fleet)


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    fleet, out = configs.fill(tmp_path / "in", range(101, 104)), tmp_path / "out"
    out.mkdir()
    (out / "102.xml").write_text("mine")
    outcomes = run([fleet], out)
    assert [outcome.status for outcome in outcomes] == ["converted", "refused", "converted"]
    assert (outcomes[1].where, outcomes[1].error) == (str(out / "102.xml"), "is there already: pass --force to replace it")
    assert (out / "102.xml").read_text() == "mine"
    run([fleet], out, force=True)
    assert (out / "102.xml").read_text() == configs.converted(fleet / "102.conf")


def test_a_severity_holds_files_back(tmp_path: Path) -> None:
    fleet = configs.fill(tmp_path / "in", range(101, 103))
    with (fleet / "102.conf").open("a") as file:
        file.write("watchdog: model=ib700\nmachine: q35\n")
    outcomes = run([fleet], tmp_path / "out", fail_on="guest")
    assert [outcome.status for outcome in outcomes] == ["converted", "held-back"]
    assert outcomes[1].findings
    assert list(files_in(tmp_path / "out")) == ["101.xml"]


def test_inputs_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "101.conf").write_bytes(b"#" * 5_000_000)
    (tmp_path / "a.xml").write_text("<domain")
    outcomes = run([tmp_path / "101.conf", tmp_path / "a.xml", tmp_path / "none.conf"], tmp_path / "out", to="conf")
    assert statuses(outcomes) == {"refused": 3}
    assert outcomes[2].error == "No such file or directory"


def test_a_bug_is_that_inputs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = configs.fill(tmp_path / "in", range(101, 104))
    monkeypatch.setattr(work, "convert", stumbling(lambda: dict[str, str]()["nothing"]))
    outcomes = run([fleet], tmp_path / "out")
    assert [outcome.status for outcome in outcomes] == ["converted", "refused", "converted"]
    assert outcomes[1].error == "KeyError: 'nothing': a bug, please report it with this file"


DYING = """
import os, sys, bridge
from bridge.fleet import work

def convert(text, to, **keywords):
    if keywords["vmid"] == 102:
        os._exit(1)
    return bridge.convert(text, to, **keywords)

work.convert = convert
for outcome in bridge.convert_fleet([sys.argv[1]], "xml", sys.argv[2], jobs=2):
    print(outcome.file, outcome.error)
"""


def test_a_worker_that_dies_takes_one_input_with_it(fleet: Path, tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", DYING, fleet, tmp_path], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    lines = [line.split(" ", 1) for line in said.splitlines()]
    assert [file for file, _ in lines] == [str(fleet / f"{vmid}.conf") for vmid in MANY]
    assert [file for file, error in lines if "died" in error] == [str(fleet / "102.conf")]
    assert len(files_in(tmp_path)) == len(MANY) - len(BROKEN) - 1


CLOSING = """
import sys, bridge
from pathlib import Path
from tests.fleet.held import hold

hold(Path(sys.argv[3]), 100 + bridge.fleet.run.CHUNK)
found = bridge.convert_fleet([sys.argv[1]], "xml", sys.argv[2], jobs=2)
next(iter(found))
found.close()
"""


def test_an_iterator_that_is_closed_ends_the_fleet(tmp_path: Path) -> None:
    """The workers are held until it is closed (held.py): fast ones would be done before."""
    fleet, out = configs.fill(tmp_path / "in", range(100, 500)), tmp_path / "out"
    subprocess.run([sys.executable, "-c", CLOSING, fleet, out, tmp_path / "mark"], check=True, cwd=ROOT, timeout=PATIENCE)
    there = files_in(out)
    assert CHUNK <= len(there) < 400
    assert there == {name: configs.converted(fleet / f"{Path(name).stem}.conf") for name in there}


def stumbling(fall: Any) -> Any:
    """`convert`, but for VM 102."""

    def convert(text: bytes, to: bridge.Format, **keywords: Any) -> Any:
        return fall() if keywords["vmid"] == 102 else bridge.convert(text, to, **keywords)

    return convert
