"""How a move goes, on stderr: its steps, and a bar with QEMU's own figures where there is a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

from ...core.report import shown
from .request import Request
from .step import BEGUN, FAILED, UNDOING
from .ways import listed


class Watch:
    """Used in a `with`; `told` takes the notes of a move."""

    def __init__(self, request: Request) -> None:
        self.steps = [what for what, _, _ in listed(request)]
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
        self._progress = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self._task: TaskID | None = None

    def __enter__(self) -> Watch:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def told(self, note: dict[str, Any]) -> None:
        """A step, or figures."""
        if "step" in note:
            self._step(note)
        elif note.get("total"):
            if self._task is None:
                self._task = self._progress.add_task("memory")
            total, remaining = int(note["total"]), int(note.get("remaining", 0))
            self._progress.update(self._task, total=total, completed=max(0, total - remaining))

    def _step(self, note: dict[str, Any]) -> None:
        what = self.steps[note["step"]]
        if note["is"] == BEGUN:
            self.console.print(Text(f"  {what}", style="dim"))
        elif note["is"] == FAILED:
            self.console.print(Text(f"  failed: {what}: {shown(note['said'])}", style="red"))
        elif note["is"] == UNDOING:
            self.console.print(Text(f"  undone: {what}", style="yellow"))

    def stopping(self) -> None:
        """Somebody pressed Ctrl-C."""
        self.console.print(Text("  stopping: what was begun is undone", style="yellow"))
