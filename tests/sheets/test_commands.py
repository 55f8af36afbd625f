"""What commands print, write and end with: stdout, stderr, files and exit codes, for good inputs and bad ones."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge import __version__
from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.guest import native
from bridge.guest.native import Native
from bridge.libvirt.host import connect, validate
from bridge.libvirt.host.connect import About, Definition, ListedDomain, UnclearError
from tests.host.far import OF_HOST, OFFERED
from tests.sheets.commands import COMMANDS
from tests.sheets.sheet import check, names
from tests.sheets.typed import FILES, UUID


class Embedded:
    """In place of libvirt's own driver: it has a line for every domain but those of nobody's machine."""

    def __enter__(self) -> Embedded:
        return self

    def __exit__(self, *_: object) -> None: ...

    def native(self, xml: bytes | str, fit: bool = True) -> Native:
        if "sb16" in str(xml):
            raise BridgeError("no such sound")
        return Native(["kvm", "-machine", "pc-q35-9.2", "-m", "512"], ["there is no KVM here"] if fit else [], [])


TERMINAL = "TERM=xterm "
OTHER = "00000000-0000-0000-0000-000000000001"
DUMPED = FILES["web.xml"].replace("<name>web</name>", "<name>{}</name>").replace(UUID, "{}")


class Host:
    """A libvirt by its URI: `full` has domains, `refusing` defines none, `unclear` dies when it is to."""

    def __init__(self, uri: str) -> None:
        self.kind = uri.rpartition("/")[2]
        self.there = [ListedDomain("off", OTHER[:-1] + "2", False, True, False)]
        if self.kind == "full":
            self.there += [ListedDomain("web", UUID, True, True, True), ListedDomain("db", OTHER, True, False, False)]
            self.there += [ListedDomain("bad", OTHER[:-1] + "3", True, True, False)]

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None: ...

    def about(self) -> About:
        return About("11.3.0", "10.0.2", 4)

    def capabilities(self) -> str:
        return OF_HOST

    def domain_capabilities(self, arch: str, machine: str, kind: str) -> str:
        assert (arch, kind) == ("x86_64", "kvm")
        assert machine
        return OFFERED.replace("<model usable='yes'>qemu64", "<model usable='yes'>kvm64</model><model usable='yes'>qemu64")

    def domains(self) -> list[ListedDomain]:
        return self.there

    def xml(self, uuid: str, live: bool = False) -> str:
        (found,) = (each for each in self.there if each.uuid == uuid)
        return "<domain" if found.name == "bad" else DUMPED.format(found.name, uuid).replace(">512<", ">256<" if live else ">512<")

    def pools(self) -> dict[str, str] | None:
        return {"images": "<pool><target><path>/elsewhere</path></target></pool>"}

    def networks(self) -> dict[str, str] | None:
        return {}

    def define(self, domains: Sequence[Definition]) -> None:
        if self.kind == "refusing":
            raise BridgeError("unsupported 'BC:24:11:00:00:01'", domains[0].name)
        if self.kind == "unclear":
            raise UnclearError(BridgeError("libvirt died"), ["one"], ["two", "three"], ["web"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are, and a libvirt that is played."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    monkeypatch.setattr(connect, "Connection", Host)
    monkeypatch.setattr(native, "Embedded", Embedded)
    monkeypatch.setattr("bridge.cli.commands.native.Embedded", Embedded, raising=False)
    problem = validate.Problem(8, "Did not expect element sound there")
    monkeypatch.setattr(validate, "rng_problems", lambda xml: [problem] if "sb16" in xml else [])
    return tmp_path


def transcript(line: str) -> Iterator[str]:
    """With `TERM=xterm ` before it, as on a terminal of 16 colours."""
    for each in line.removeprefix(TERMINAL).split("; "):
        said, _, file = each.partition(" < ")
        done = CliRunner().invoke(main, shlex.split(said), input=Path(file).read_text() if file else None)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        usage = done.exit_code == 2 and done.stderr.startswith("Usage: ")  # click's own words change with it
        yield f"-- {done.exit_code}"
        yield from shortened(done.stdout, "| ")
        yield from shortened(done.stderr.rpartition("\n\n")[2] if usage else done.stderr, "! ")


LONG = 160
"""Characters of a line: what findings say in full is in other sheets."""
OF_A_DOMAIN = re.compile(r"<(?:domain|name|uuid|memory|source|type|loader|qemu:arg|target|topology)\b").search


def shortened(text: str, mark: str) -> Iterator[str]:
    """Of a domain the lines that options of commands change; JSON with an entry a line; of other long texts what is theirs."""
    text = re.sub(r"( is not TOML): .*", r"\1", text)  # the rest is Python's
    text = text.replace(__version__, "VERSION").replace("\x1b", "^[")
    lines = text.split("\n")[:-1] if text.endswith("\n") else [*text.split("\n"), "(no end of line)"] if text else []
    head = next(iter(lines), "")
    if head.startswith("<domain"):
        lines = list(filter(OF_A_DOMAIN, lines))
    elif "<svg" in text:
        lines = [f"a picture, {sum('<text' in line for line in lines)} lines of it with words"]
    elif head.startswith("--- "):
        lines = [line for line in lines if line[1:2] != " " or OF_A_DOMAIN(line)]
    elif "COMPLETE" in text:  # click's own script, which changes with it
        lines = [line for line in lines if "VIRT_QM" in line]
    elif head == "{":
        lines = list(flat(json.loads(text)))
    elif "# A plan of virt-qm" in text:
        lines = [line for line in lines[lines.index('named() { if [ -e "$1.part" ]; then mv "$1.part" "$1"; fi; }') :] if line[:1] != " "]
    yield from (f"{mark}{line if len(line) <= LONG else line[:LONG] + '...'}".rstrip() for line in lines)


def flat(value: object, at: str = "") -> Iterator[str]:
    """Every list element of an object that has no list itself is a line."""
    if isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values()):
        for key, each in value.items():
            yield from flat(each, f"{at}.{key}" if at else key)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for number, each in enumerate(value):
            yield from flat(each, f"{at}[{number}]")
    elif isinstance(value, dict):
        yield f"{at}: {json.dumps({key: each for key, each in value.items() if each != ''}, ensure_ascii=False)}"
    elif isinstance(value, str) and value.count("\n") > 1:
        yield f"{at}: {len(value.splitlines())} lines"
    else:
        yield f"{at}: {json.dumps(value)}"


def written(place: Path) -> Iterator[str]:
    for file in sorted(place.rglob("*")):
        name = str(file.relative_to(place))
        if file.is_dir() or (name in FILES and file.read_text() == FILES[name]) or name.endswith((".key", ".jsonl")):
            continue
        mode = f" {file.stat().st_mode & 0o777:o}" if file.stat().st_mode & 0o100 else ""
        yield f"++ {name}{mode}"
        yield from shortened(
            "".join(
                each if each.isprintable() or each == "\n" else "." if each == "\0" else repr(each)[1:-1]
                for each in file.read_text(errors="replace")
            ),
            "> ",
        )


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_says(line: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if line.startswith(TERMINAL):
        for name, value in (("TERM", "xterm"), ("FORCE_COLOR", "1"), ("COLORTERM", "")):
            monkeypatch.setenv(name, value)
    check("commands", line.replace("\x1b", "^["), [text.replace(str(place), "HERE") for text in (*transcript(line), *written(place))])


def test_every_entry_is_of_a_line() -> None:
    assert names("commands") == {line.replace("\x1b", "^[") for line in COMMANDS}
