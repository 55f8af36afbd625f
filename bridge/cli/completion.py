"""Completion for shells: click's own scripts, which ask the program what fits."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: dict[str, tuple[type[ShellComplete], str]] = {
    "bash": (BashComplete, "share/bash-completion/completions/virt-qm"),
    "zsh": (ZshComplete, "share/zsh/site-functions/_virt-qm"),
    "fish": (FishComplete, "share/fish/vendor_completions.d/virt-qm.fish"),
}
"""Shell -> what makes its script, and where below a prefix that shell looks for it."""


def script(shell: str, main: click.Command) -> str:
    """The script of a shell. It is made without that shell, unlike `ShellComplete.source`, which asks bash for its version."""
    complete = SHELLS[shell][0](main, {}, "virt-qm", "_VIRT_QM_COMPLETE")
    return str(complete.source_template % complete.source_vars()).lstrip("\n")
