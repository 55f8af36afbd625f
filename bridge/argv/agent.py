"""The guest agent's channel (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.agent import Agent
from ..model.vm import VM
from .emit import Command, pci

ROWS = (Row("enabled", "-chardev", code=True), Row("type", "driver", code=True), Row("socket", "-chardev path", code=True))
TABLE = (Rows(Agent, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    agent = vm.agent
    if not agent.enabled:
        return
    command.devices += ("-chardev", f"socket,path={agent.socket},server=on,wait=off,id=qga0")
    if agent.type == "isa":
        command.device("isa-serial,chardev=qga0")
        return
    serial = next(controller for controller in vm.controllers if controller.key == "qga0")
    command.device(f"virtio-serial,id=qga0{pci(serial.address)}")
    command.device("virtserialport,chardev=qga0,name=org.qemu.guest_agent.0")
