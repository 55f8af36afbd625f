"""The bench runs, and measures what it says; how fast things are is for people to read."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.bench import measure, table
from tests.bench.cases import cases
from tests.corpus import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("part", ["conversions", "slots", "start-up", "fleet"])
def test_each_part_prints_its_table(part: str) -> None:
    done = subprocess.run([ROOT / "tests/bench/run", "--quick", part], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {
        "conversions": "config → XML, proved",
        "slots": "XML to config",
        "start-up": "virt-qm --version",
        "fleet": "virt-qm to-xml DIR -o DIR",
    }[part] in done.stdout


def test_conversions_have_a_time_and_both_ratios() -> None:
    found = table.conversions(cases(6), with_libvirt=True)
    columns = [list(column.cells) for column in found.columns]
    assert all(cell not in ("", "-") for column in columns[:5] for cell in column[:4])


def test_ratios_are_of_the_same_case() -> None:
    assert table.ratio([1.0, None, 9.0], [2.0, 5.0, 3.0]) == "1.75"
    assert table.ratio([None], [1.0]) == "-"


STAY = (
    "x = bytearray(50 << 20); pathlib.Path(f'{sys.argv[1]}/{os.getpid()}').touch()\n"
    "while not os.path.exists(sys.argv[2]): time.sleep(0.01)"
)
IMPORTS = "import os, pathlib, sys, time; "


def watched(source: str, processes: int, directory: Path, monkeypatch: pytest.MonkeyPatch) -> measure.Run:
    """It ends only after so many processes have their memory and were looked at."""
    (there := directory / "there").mkdir(parents=True)
    looks: list[bool] = []

    def pause(_: float) -> None:
        looks.append(len(list(there.iterdir())) == processes)
        if looks[-2:] == [True, True]:
            (directory / "seen").touch()
        sleep(0.01)

    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", pause)
    try:
        return measure.watched("-c", source, str(there), str(directory / "seen"))
    finally:
        monkeypatch.undo()


def test_memory_is_that_of_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = watched(IMPORTS + STAY, 1, tmp_path / "alone", monkeypatch)
    both = watched(f"{IMPORTS}pid = os.fork(); {STAY}\nif pid: os.wait()", 2, tmp_path / "both", monkeypatch)
    assert (alone.code, both.code) == (0, 0)
    assert 50 <= alone.peak < 90
    assert 100 <= both.peak < 160


def test_start_up_counts_the_programs_time() -> None:
    assert measure.start_up("-c", "sum(range(10**7))", times=1) > measure.start_up("-c", "pass", times=3)
