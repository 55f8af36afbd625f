"""What a command line may say: every command's options and arguments, with their types, bounds and defaults. Scripts rely on them."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from bridge.cli import COMMANDS, main
from tests.sheets.sheet import check, names

OF_PARAMETERS = ("required", "multiple", "metavar", "envvar", "show_default", "is_flag", "hidden")
OF_TYPES = ("choices", "min", "max", "exists", "file_okay", "dir_okay")


def parameters(command: click.Command) -> Iterator[str]:
    for each in command.params:
        said = [f"{name}={getattr(each, name)}" for name in OF_PARAMETERS if getattr(each, name, None)]
        said += [f"{name}={getattr(each.type, name)}" for name in OF_TYPES if getattr(each.type, name, None) is not None]
        said += ["nargs=-1"] if each.nargs == -1 else []
        default, flag = each.default, getattr(each, "flag_value", None)
        said += [f"default={default}"] if isinstance(default, str | int | float) and not isinstance(default, bool) else []
        said += [f"flag_value={flag}"] if isinstance(flag, str) else []
        yield " ".join(("/".join((*each.opts, *each.secondary_opts)), f"({each.name}, {each.type.name})", *said))


@pytest.mark.parametrize("name", ["virt-qm", *COMMANDS])
def test_a_command_takes(name: str) -> None:
    command = main if name == "virt-qm" else main.get_command(click.Context(main), name)
    assert command is not None
    check("parameters", name, [*parameters(command), f"settings: {command.context_settings}"])


def test_every_entry_is_of_a_command() -> None:
    assert names("parameters") == {"virt-qm", *COMMANDS}
