"""Fleets as people run them: `virt-qm to-xml DIR -o DIR`."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.corpus import ROOT
from tests.fleet import configs
from tests.fleet.test_fleet import files_in
from tests.processes import PATIENCE, end, of_group, wait_for

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "bridge")


def virt_qm(*words: object, **given: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = (*COMMAND, *map(str, words))
    return subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=PATIENCE, **given)


def cells(table: str) -> dict[str, tuple[str, ...]]:
    """The summary's table: heading of a row -> its numbers."""
    rows = (re.split(r"  +", line.rstrip()) for line in table[table.index("VMs  findings") :].split("\n")[1:])
    return {(row[1] if row[0] == "" else row[0]): tuple(row[2:] if row[0] == "" else row[1:]) for row in rows if len(row) > 1}


def test_broken_files_do_not_stop_the_rest(tmp_path: Path, full: bool) -> None:
    """The acceptance case: 10,000 configs of which 100 are broken, here by default a tenth of it."""
    count = 10_000 if full else 1_000
    source = configs.fill(tmp_path / "in", range(1000, 1000 + count), range(1000, 1000 + count, 100))
    done = virt_qm("to-xml", source, "-o", tmp_path / "out")
    good = count - count // 100
    assert (done.returncode, done.stdout) == (1, "")
    assert len(list((tmp_path / "out").glob("*.xml"))) == good
    assert cells(done.stderr) == {
        "converted": (f"{good:,}",),
        "guest: the guest will see": ("0", "0"),
        "data: to copy or convert": ("0", "0"),
        "host: host policy or speed": ("0", "0"),
        "note: good to know": (f"{good:,}", f"{3 * good:,}"),
        "nothing to say": ("0",),
        "refused": (f"{count // 100:,}",),
    }
    assert "1000.conf:9: args: the quotes do not balance" in done.stderr
    assert f"({count // 100 - 1} more in {count // 100} files)" in done.stderr
    assert len(done.stderr.split("\n")) < 20
    assert "\x1b" not in done.stderr


def test_the_report_follows_its_schema(tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads((ROOT / "schemas/report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    source = configs.fill(tmp_path / "in", range(101, 106), range(103, 104))
    (source / "105.conf").write_text(configs.text(105) + "watchdog: model=ib700\nmachine: q35\n")
    report = tmp_path / "report.json"
    for given, code, expected in (
        (("--fail-on", "guest"), 1, ["converted", "converted", "refused", "converted", "held-back"]),
        (("--resume",), 1, ["up-to-date", "up-to-date", "refused", "up-to-date", "converted"]),
        (("--resume",), 1, ["up-to-date", "up-to-date", "refused", "up-to-date", "up-to-date"]),
    ):
        assert virt_qm("to-xml", source, "-o", tmp_path / "out", "--report", report, *given).returncode == code
        document = json.loads(report.read_bytes())
        jsonschema.validate(document, schema)
        assert [file["status"] for file in document["files"]] == expected
        assert document["files"][0]["file"] == str(source / "101.conf")
        assert document["files"][0]["output"] == str(tmp_path / "out/101.xml")
        assert document["files"][2]["error"]["where"] == f"{source}/103.conf:9"
        assert document["summary"]["files"] == 5


def test_one_input_has_a_report_too(tmp_path: Path) -> None:
    import jsonschema

    report = tmp_path / "report.json"
    done = virt_qm("to-xml", ROOT / "samples/iothreads.conf", "--report", report)
    assert (done.returncode, done.stdout[:8]) == (0, "<domain ")
    document = json.loads(report.read_bytes())
    jsonschema.validate(document, json.loads((ROOT / "schemas/report.schema.json").read_text()))
    assert [(file["status"], file["output"]) for file in document["files"]] == [("converted", None)]


def test_findings_as_json_are_a_line_for_each_input(tmp_path: Path) -> None:
    source = configs.fill(tmp_path / "in", range(101, 104), range(103, 104))
    done = virt_qm("to-xml", *sorted(source.iterdir()), "-o", tmp_path / "out", "--report", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["101.conf", "102.conf", "103.conf"]
    assert "quotes" in lines[2]["error"]
    assert sorted(files_in(tmp_path / "out")) == ["101.xml", "102.xml"]


def test_silence_when_asked(tmp_path: Path) -> None:
    source = configs.fill(tmp_path / "in", range(101, 104))
    done = virt_qm("to-xml", source, "-o", tmp_path / "out", "--report", "none")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.conf", "b.conf"), "several inputs need -o DIR"),
        (("a.conf", "b.conf", "-o", "file"), "several inputs need -o DIR"),
        (("a.conf", "-", "-o", "out"), "stdin cannot be one of several inputs"),
        (("a.conf", "b.conf", "-o", "out", "--vmid", "7"), "cannot share one --vmid"),
        (("a.conf", "--report", "report.txt"), "a file that ends in .json"),
        (("a.conf", "b.conf", "-o", "out", "--jobs", "0"), "0 is not in the range"),
    ],
)
def test_usage(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    (tmp_path / "file").write_text("")
    done = virt_qm("to-xml", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_fleet_without_inputs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    done = virt_qm("to-xml", tmp_path / "in", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {tmp_path}/in: has no *.conf or *.xml in it: directories below it are not searched\n",
    )


class Started:
    """A fleet under way, in a process group of its own as a shell gives it: its first 64 files are there, the workers wait (held.py)."""

    def __init__(self, source: Path, out: Path) -> None:
        held = (sys.executable, "-m", "tests.fleet.held", str(out.with_name("mark")), "1064")
        command = (*held, "to-xml", str(source), "-o", str(out), "--jobs", "2")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
        wait_for(lambda: len(list(out.glob("*.xml"))) >= 64 or self.process.poll() is not None, "64 files")
        assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()

    def ended(self) -> str:
        """What it said; its workers are gone too."""
        _, said = self.process.communicate(timeout=PATIENCE)
        wait_for(lambda: not of_group(self.process.pid), "the end of the workers")
        return said


@pytest.mark.parametrize(
    ("number", "code", "to_group"),
    [(signal.SIGINT, 130, True), (signal.SIGTERM, 130, False), (signal.SIGKILL, -9, False)],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_a_fleet_that_is_ended_leaves_whole_files_and_goes_on(tmp_path: Path, number: signal.Signals, code: int, to_group: bool) -> None:
    source, out = configs.fill(tmp_path / "in", range(1000, 1600)), tmp_path / "out"
    try:
        started = Started(source, out)
        (os.killpg if to_group else os.kill)(started.process.pid, number)
        said = started.ended()
    finally:
        end(str(out))
    assert started.process.returncode == code
    assert "Traceback" not in said
    there = files_in(out)
    assert 64 <= len(there) < 600
    assert all(re.fullmatch(r"[0-9]+\.xml", name) for name in there)
    assert all(etree.fromstring(text).tag == "domain" for text in there.values())
    if number != signal.SIGKILL:
        assert "interrupted: every file that is there is whole; --resume does the rest" in said
    done = virt_qm("to-xml", source, "-o", out, "--resume")
    assert done.returncode == 0
    assert "up to date before" in done.stderr
    after = files_in(out)
    assert len(after) == 600
    assert there.items() <= after.items()
    for vmid in range(1000, 1600, 29):
        assert after[f"{vmid}.xml"] == configs.converted(source / f"{vmid}.conf")


def test_a_terminal_shows_a_bar_and_colours(tmp_path: Path) -> None:
    source = configs.fill(tmp_path / "in", range(1000, 1200), range(1000, 1001))
    main, terminal = pty.openpty()
    command = (*COMMAND, "to-xml", str(source), "-o", str(tmp_path / "out"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(command, env=environment, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    said = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(main)
    assert process.wait(timeout=PATIENCE) == 1
    text = said.decode()
    assert "converting" in text
    assert "/200" in text
    assert "\x1b[1;31m" in text
