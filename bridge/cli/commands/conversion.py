"""What `to-xml`, `to-conf` and `to-argv` have in common: one input to one output, or a fleet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.files import SUFFIX, with_pins
from .document import emit, entry
from .files import exit_code, guarded, keywords, located, made, print_findings, read, report_file, say_held_back, write

if TYPE_CHECKING:
    from ...convert import Result
    from ...core.literals import Format, Status


COMMAND_SUFFIX = ".sh"
"""Of a file with a `qm create` command."""


def run(to: Format, given: dict[str, Any]) -> None:
    """Convert what was named."""
    from . import fleet

    given = _inputs(given)
    if fleet.is_fleet(given):
        fleet.run(to, given)
    if given.get("hook") is not None and not given["hook"].name.isprintable():
        raise click.UsageError(f"--hook: {given['hook'].name!a} is not a name for a file of snippets: give it another")
    given = _numbered(given)
    file, output = given["files"][0], given["output"]
    into = given["into"] or (output is not None and output.is_dir())
    if into and output.exists() and not output.is_dir():
        raise click.UsageError(f"-o {output}/: {output} is a file, not a directory")
    as_json, report = given["output_format"] == "json", report_file(given)
    result = _converted(file, to, given)
    print_findings(result.findings, given, file)
    code = exit_code(result.findings, given["fail_on"])
    suffix = COMMAND_SUFFIX if given.get("form") == "qm-create" else SUFFIX[to]
    target = output / (Path(_named(file, to, given, result)).stem + suffix) if into else output
    text = with_pins(result.text, result.findings) if given.get("pretty") else result.text
    if code == 0:
        if target is not None:
            if into:
                made(target.parent)
            write(target, text, given["force"])
        elif not as_json:
            sys.stdout.write(text)
        if given.get("hook") is not None:
            _hook(result, given["hook"], given["force"])
    else:
        say_held_back(given)
    if report is not None:
        _report(result, to, given, target if code == 0 else None, held_back=code != 0)
    if as_json:
        more: dict[str, Any] = {"document": text} if target is None and code == 0 else {}
        emit(f"to-{to}", [entry(file, "held-back" if code else "done", result.findings, None if code else target, **more)])
    sys.exit(code)


def _named(file: str, to: Format, given: dict[str, Any], result: Result) -> str:
    """What a file in a directory is named after: the input, the process, or the VM's id, if an option says it: so qemu-server finds it."""
    if to == "conf" and (given["vmid"] or given.get("first") is not None):
        return str(result.vm.meta.vmid)
    return str(given.get("pid") or file)


def _numbered(given: dict[str, Any]) -> dict[str, Any]:
    """With --vmid-from: the VM's id, so that nothing has to be guessed."""
    first, file = given.get("first"), given["files"][0]
    if first is None or given["vmid"] or given.get("pid") is not None:
        return given if given["vmid"] or first is None else {**given, "vmid": first}
    if file == "-":
        raise click.UsageError("--vmid-from looks at a file before it is converted: for stdin say --vmid")
    from ...fleet.numbers import known, of_directory

    output = given["output"]
    directory = output if output is not None and output.is_dir() else None
    wish = known(located(file), read(file))
    return {**given, "vmid": guarded(lambda: of_directory([wish], first, directory))[0]}


def _inputs(given: dict[str, Any]) -> dict[str, Any]:
    """`files` with the file that --pid stands for."""
    pid = given.get("pid")
    if pid is None:
        if not given["files"]:
            raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'FILE...'", param_type="argument")
        return given
    if given["files"]:
        raise click.UsageError("--pid takes the place of a file: name one of the two")
    if given["resume"] or given["source"] not in (None, "argv"):
        raise click.UsageError("--pid is one command line: no --resume, and no other --from")
    if given["started_in"] is not None:
        raise click.UsageError("--pid knows the directory that the process runs in: leave --started-in out")
    from ...operations.process import file_of

    return {**given, "files": (file_of(pid),), "source": "argv"}


def _hook(result: Result, file: Path, force: bool) -> None:
    """The hookscript, if there is something for it to do."""
    from ...operations.hookscript import script

    if not result.pins:
        click.echo(f"{file}: not written: no thread has CPUs of its own", err=True)
        return
    write(file, script(result.pins, result.vm.meta.vmid or 0, file.name), force, mode=0o755)


def _converted(file: str, to: Format, given: dict[str, Any]) -> Result:
    from ...convert import convert

    if given.get("pid") is not None:
        return _of_process(given["pid"], to, keywords(file, given))
    text, words = read(file), keywords(file, given)
    return guarded(lambda: convert(text, to, **words))


def _of_process(pid: int, to: Format, words: dict[str, Any]) -> Result:
    from ...convert import convert
    from ...operations.process import read as read_process

    process = guarded(lambda: read_process(pid))
    result = guarded(lambda: convert(process.text, to, **words))
    result.findings = [*process.findings, *result.findings]
    return result


def _report(result: Result, to: Format, given: dict[str, Any], target: Path | None, held_back: bool) -> None:
    from ...fleet.summary import Summary
    from ...fleet.work import Outcome
    from .fleet import write_report

    summary = Summary(to, whole=True)
    status: Status = "held-back" if held_back else "converted"
    summary.add(Outcome(given["files"][0], status, str(target) if target else None, result.findings))
    write_report(summary, given)
