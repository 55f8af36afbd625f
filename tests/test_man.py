"""The man page and the completions: made from the commands, and taken by the programs that they are for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bridge.cli import COMMANDS, main
from bridge.cli.completion import SHELLS
from bridge.cli.manual import ENVIRONMENT, EXAMPLES, FILES, page
from bridge.core.report import KINDS
from bridge.data.facts import FACTS
from bridge.host.facts import _FROM_FILES, HostFacts
from tests.corpus import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown() -> str:
    """The page as man shows it, very wide so that no line is broken."""
    environment = os.environ | {"MANWIDTH": "2000", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    command = ["man", "--warnings", "--local-file", "-"]
    done = subprocess.run(command, input=page(main), capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    return " ".join(done.stdout.split())


def plain(text: str) -> str:
    return " ".join(text.replace("\b", "").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_manual_as_in_its_help(name: str, shown: str) -> None:
    context = click.Context(main, info_name="virt-qm", **main.context_settings)
    command = main.get_command(context, name)
    assert command is not None
    for paragraph in (command.help or "").split("\n\n"):
        assert plain(paragraph) in shown
    own = click.Context(command, info_name=name, parent=context)
    assert f"virt-qm {name} {' '.join(command.collect_usage_pieces(own))}" in shown
    for param in command.get_params(own):
        if isinstance(param, click.Option) and (record := param.get_help_record(own)):
            assert plain(" ".join(record)) in shown


def test_the_frame_of_the_manual(shown: str) -> None:
    assert shown.startswith("VIRT-QM(1) User Commands VIRT-QM(1) NAME virt-qm - translate virtual machines between")
    assert "Exit codes: 0 done 1 an input cannot be converted" in shown
    for kind, (severity, meaning) in KINDS.items():
        assert f"{kind} ({severity}) {meaning}" in shown


def test_text_that_roff_would_take_for_a_request() -> None:
    @click.command(help=".TH is\n\n\b\n'quoted'\n.B old\n\nand a \\ too")
    def odd() -> None: ...

    group = click.Group("virt-qm", commands={"odd": odd}, help="Tests.")
    text = subprocess.run(["man", "--warnings", "-l", "-"], input=page(group), capture_output=True, text=True, check=True)
    assert text.stderr == ""
    for line in (".TH is", "'quoted'", ".B old", "and a \\ too"):
        assert line in text.stdout


# Completion: the scripts are given to the shells, which ask `virt-qm` on the PATH.


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a `virt-qm` on the PATH, in a directory that has a config."""
    program = tmp_path / "bin/virt-qm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m bridge "$@"\n')
    program.chmod(0o755)
    (tmp_path / "100.conf").write_text("")
    for shell in SHELLS:
        script = subprocess.run([program, "completion", shell], capture_output=True, text=True, check=True).stdout
        (tmp_path / f"virt-qm.{shell}").write_text(script)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


BASH = """
compopt() {{ COMPREPLY=(*.conf); }}; source virt-qm.bash
COMP_WORDS=(virt-qm {words}); COMP_CWORD={last}
_virt_qm_completion virt-qm; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ }}; _describe() {{ print -rl -- ${{(P)3}} }}; compadd() {{ print -rl -- ${{(P)5}} }}; _path_files() {{ print -rl -- *.conf }}
source ./virt-qm.zsh
words=(virt-qm {words}); CURRENT=$(({last} + 1))
_virt_qm_completion
"""
FISH = """
source virt-qm.fish
complete --do-complete 'virt-qm {words}'
"""


@pytest.mark.parametrize(("shell", "source"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["to-"], {"to-xml", "to-conf", "to-argv"}),
        (["explain", "storage-"], {"storage-unknown"}),
        (["to-xml", "--fail-on", "gu"], {"guest"}),
        (["to-xml", "--no-m"], {"--no-metadata"}),
        (["completion", "f"], {"fish"}),
        (["to-xml", "1"], {"100.conf"}),
    ],
)
def test_what_a_shell_offers(shell: str, source: str, words: list[str], wanted: set[str], environment: dict[str, str]) -> None:
    script, home = source.format(words=" ".join(words), last=len(words)), environment["HOME"]
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=environment, cwd=home, check=True)
    assert done.stderr == ""
    assert {re.split(r"\t|(?<!\\\\):", line)[0] for line in done.stdout.split("\n") if line} == wanted


def test_every_host_fact_is_described() -> None:
    """Unknown is told with a key, and every key stands in the manual."""
    told = {key.partition(".")[0] for key in FACTS}
    assert told == set(HostFacts.__struct_fields__) - set(_FROM_FILES)


def test_a_host_fact_that_the_manual_names_is_taken() -> None:
    given = ("nodename=pve1", "bridge_mtu.vmbr1=9000", "pci.present=0000:01:00.0,0000:01:00.1", "qemu_server=8.4.10")
    host = HostFacts().with_facts(given)
    assert (host.nodename, host.mtu("vmbr1"), host.pci.present) == ("pve1", 9000, ["0000:01:00.0", "0000:01:00.1"])


def test_environment_files_and_examples_stand_in_the_manual(shown: str) -> None:
    for title, entries in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES), ("EXAMPLES", EXAMPLES)):
        assert f" {title} {next(iter(entries))} " in shown
        for term, text in entries.items():
            assert f"{term} {text}" in shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_names_a_command_and_options_that_are_there(example: str) -> None:
    _, name, *words = example.split()
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = {option for param in command.params for option in param.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_environment_is_what_the_program_asks_for() -> None:
    source = "".join(file.read_text() for file in (ROOT / "bridge").rglob("*.py") if file.name != "manual.py")
    asked = set(re.findall(r"(?:environ\.get\(|environ\[|getenv\(|envvar=)\"([A-Z_]+)\"", source))
    assert asked <= set(ENVIRONMENT)
