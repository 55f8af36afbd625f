"""What a plan is made of. `script` prints it for a shell, `json` for programs."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from ...core.literals import Stack
from ...core.report import Finding
from .given import Refused


class Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Commands that belong together; a step that is done is not done again.

    A `check` runs every time and changes nothing: its command succeeds, or the plan stops with `about`.
    """

    id: str
    """Unique in the plan, and a file name."""
    kind: str
    """`check`, `network`, `pool`, `storage`, `image`, `variables`, `tpm`, `define`, `autostart`, `config`."""
    about: str
    """One line for people."""
    commands: list[list[str]] = []
    """Words, not shell text. The first one gets `document` on stdin; without commands the document is what `makes` shall hold."""
    makes: str | None = None
    """The file that comes of it: the commands write it as `makes` + `.part`, and only a whole one gets its name."""
    unless: list[list[str]] = []
    """There is nothing to do if one of these succeeds."""
    document: str | None = None


class VMPlan(msgspec.Struct, kw_only=True):
    """One VM's steps in their order, and what no command can do."""

    file: str
    vmid: int
    name: str
    steps: list[Step]
    findings: list[Finding] = []
    stays: list[str] = []
    """Drives that are not copied, each with the reason."""


class Plan(msgspec.Struct, kw_only=True):
    """What all VMs need first, then one VM after the other."""

    to: Stack
    """`libvirt` or `qemu-server`."""
    first: list[Step]
    vms: list[VMPlan]
    refused: list[Refused] = []
    """Inputs that could not be planned; the others are."""
    keep_going: bool = False
    """A VM that cannot be moved does not keep the script from the next."""

    def steps(self) -> list[Step]:
        return [*self.first, *(step for vm in self.vms for step in vm.steps)]


def without_doubles(vms: list[VMPlan]) -> list[VMPlan]:
    """An ISO image, or a network, that several VMs use is copied or checked once."""
    seen: set[str] = set()
    for vm in vms:
        vm.steps = [step for step in vm.steps if step.id not in seen]
        seen |= {step.id for step in vm.steps}
    return vms


def joined(lost: list[Finding], found: list[Finding], copied: Container[str]) -> list[Finding]:
    """What reading told, and what the config that came of it made a conversion tell; the same of both is told once, of the input. What
    is to be copied by hand is not told of drives that the plan copies (`copied`: their keys)."""
    told = {finding.said() for finding in lost}
    every = [*lost, *(finding for finding in found if finding.said() not in told)]
    return [finding for finding in every if finding.kind not in BY_HAND or finding.part not in copied]


BY_HAND = ("storage-unknown", "import-needed")


def json(plan: Plan) -> str:
    """Indented, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2).decode() + "\n"
