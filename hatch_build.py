"""Build hook: the man page and the completions of the wheel are made from the commands, and kept nowhere else."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from bridge.cli import main
        from bridge.cli.completion import SHELLS, script
        from bridge.cli.manual import page

        texts = {"share/man/man1/virt-qm.1": page(main)} | {place: script(shell, main) for shell, (_, place) in SHELLS.items()}
        self.directory_of_texts = tempfile.TemporaryDirectory()
        for place, text in texts.items():
            file = Path(self.directory_of_texts.name, place)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(file)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        if version != "editable":
            self.directory_of_texts.cleanup()
