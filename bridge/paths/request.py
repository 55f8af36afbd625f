"""What is asked of a path, and what it gives."""

from __future__ import annotations

import msgspec

from ..core.report import Finding
from ..core.shellwords import argv_text
from ..data import gates
from ..host.facts import HostFacts
from ..model.vm import VM


class Request(msgspec.Struct, kw_only=True, frozen=True):
    """How the document is wanted; see `convert`. Nothing changes it: a step that knows more gives the next one a request of its own."""

    host: HostFacts
    target: gates.Target
    vmid: int
    vmid_said: bool
    file: str
    metadata: bool = True
    trust_metadata: bool = False
    args: bool | None = None
    snapshot: str | None = None
    name: str | None = None
    machine: str | None = None
    keep_layout: bool = False
    started_in: str | None = None
    """The directory in which QEMU was started; relative paths of a command line are below it."""
    followed: bool = False
    """The host's QEMU is the target's, as nobody named it."""

    def of(self, vmid: int | None) -> Request:
        """The same for the VM that the input names, if the caller named none."""
        return msgspec.structs.replace(self, vmid=vmid) if vmid and not self.vmid_said else self

    def following_target(self, version: tuple[int, int] | None = None) -> Request:
        """A machine without a version is as new as the QEMU that it will run on; the XML that came of it is read by the same measure.

        `version`: of a machine that says it; the node that it comes from has no older QEMU, whatever the target's is."""
        if self.host.qemu_version is not None and not self.followed:
            return self
        newest = max(self.target.qemu, version or (0, 0))
        host = msgspec.structs.replace(self.host, qemu_version=".".join(map(str, newest)))
        return msgspec.structs.replace(self, host=host, followed=True)


class Result:
    """What a conversion gives.

    `text` is the document (argv: shell-quoted, one option a line), `argv` its words for to="argv" (else None),
    `vm` the model, `findings` what the reader of the document should know. `pins` are CPUs of single threads that XML named and a
    config cannot hold (`bridge.operations.hookscript`): `vcpu0`, `emulator`, ids of iothreads.
    """

    def __init__(self, vm: VM, text: str | None = None, argv: list[str] | None = None, pins: dict[str, str] | None = None) -> None:
        self.vm = vm
        self.argv = argv
        self.findings: list[Finding] = []
        self.pins = pins or {}
        self._text = text

    @property
    def text(self) -> str:
        if self._text is None:  # quoting costs as much as a third of making the words, and many want only these
            self._text = argv_text(self.argv or [])
        return self._text
