"""Results of click's test runner before 8.2 (Debian 13 has 8.1.8) as they are since: `stdout` and `stderr` apart, `output` both."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result


class Apart(Result):
    @property
    def output(self) -> str:
        """stderr stands behind stdout, not between its lines."""
        return self.stdout + self.stderr

    @property
    def stdout(self) -> str:
        return self.stdout_bytes.decode(self.runner.charset, "replace").replace("\r\n", "\n")


def patch() -> None:
    own_init: Any = CliRunner.__init__
    own_invoke: Any = CliRunner.invoke

    def init(self: CliRunner, *args: Any, **given: Any) -> None:
        own_init(self, *args, **{"mix_stderr": False, **given})

    def invoke(self: CliRunner, *args: Any, **given: Any) -> Result:
        result: Result = own_invoke(self, *args, **given)
        result.__class__ = Apart
        return result

    CliRunner.__init__, CliRunner.invoke = init, invoke  # type: ignore[method-assign]
