"""Command lines as text: words, options, `key=value`, JSON; what is not a command line is refused with one line."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.argv.emit import escaped
from bridge.argv.read import Option, fields, global_property, pairs, read, words
from bridge.convert import argv_text
from bridge.core.report import BridgeError
from tests.corpus import Row


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("virtio-net-pci,mac=a,,b,x=,,,y,q=,", [("driver", "virtio-net-pci"), ("mac", "a,b"), ("x", ","), ("y", "on"), ("q", "")]),
        ("a=b", [("a", "b")]),
        ("node,cpus=0,cpus=2", [("driver", "node"), ("cpus", "0"), ("cpus", "2")]),
        ("file=a=b", [("file", "a=b")]),
        ("", []),
        ('{"driver":"x","n":1,"b":true,"l":[{"a":2}]}', [("driver", "x"), ("n", 1), ("b", True), ("l", [{"a": 2}])]),
    ],
)
def test_pairs(text: str, wanted: list[tuple[str, object]]) -> None:
    assert pairs(text, "driver") == wanted


@pytest.mark.parametrize("text", ["{", '{"a":', '{"a":1} x', "{" * 100_000, '{"a":' * 100_000])
def test_broken_json_is_refused(text: str) -> None:
    with pytest.raises(BridgeError, match="no JSON object"):
        pairs(text)


@given(st.dictionaries(st.text("ab-", min_size=1), st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_what_is_escaped_is_read_back(values: dict[str, str]) -> None:
    text = ",".join(f"{name}={escaped(value)}" for name, value in values.items())
    assert fields(text) == values


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_what_is_quoted_is_read_back(found: list[str]) -> None:
    assert words(" \\\n ".join(["kvm", *map(shlex.quote, found)])) == ["kvm", *found]
    assert words("\0".join(["kvm", *found, ""])) == ["kvm", *found]


@pytest.mark.parametrize("text", [r"a\ b 'c\' \d", "\"a\\\"b$\\\\\" 'x\\\ny'", 'one\\\ntwo "th\\\nree"', "''", "a''b"])
def test_words_are_those_of_a_shell(text: str) -> None:
    shell = subprocess.run(["sh", "-c", f"printf '%s\\0' {text}"], capture_output=True, text=True, check=True).stdout
    assert words(text) == shell.split("\0")[:-1]


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("/usr/bin/kvm -S", "/usr/bin/kvm"),
        ("LC_ALL=C PATH=/bin /usr/bin/qemu-system-x86_64 -S", "/usr/bin/qemu-system-x86_64"),
        ("/usr/bin/taskset --cpu-list --all-tasks 0,2-3 /usr/bin/kvm -S", "/usr/bin/kvm"),
        ("/opt/emulator -S", "/opt/emulator"),
        ("# a comment\n-S", ""),
        (b"/usr/bin/qemu-system-aarch64\0-S\0", "/usr/bin/qemu-system-aarch64"),
    ],
)
def test_the_program_is_found_behind_what_starts_it(text: str | bytes, program: str) -> None:
    found = read(text)
    assert (found.program, found.options) == (program, [Option("S", "")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kvm 'a", "not a whole command line"),
        ("kvm -name", "-name needs a value"),
        ("kvm disk", "'disk' is not an option"),
        ("kvm -S -", "'-' is not an option"),
        ("kvm " + "-S " * 30_000, "more than"),
    ],
)
def test_what_is_no_command_line_is_refused(text: str, message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        read(text)


def test_globals_have_two_spellings() -> None:
    assert global_property("ICH9-LPC.disable_s3=1") == ("ICH9-LPC", "disable_s3", "1")
    assert global_property("driver=cfi.pflash01,property=secure,value=on") == ("cfi.pflash01", "secure", "on")
    assert global_property("nonsense") is None


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl", sample=40)
def test_reference_command_lines_are_read_whole(row: Row) -> None:
    if "argv" not in row:
        return
    found = read(row["argv"])
    start = row["argv"].index(found.program) + 1
    flat = [word for option in found.options for word in ((f"-{option.name}", option.value) if option.value else (f"-{option.name}",))]
    assert flat == row["argv"][start:]
    assert read(argv_text(row["argv"])).options == found.options
