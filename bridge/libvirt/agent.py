"""The guest agent's <channel> or <serial> (mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.agent import Agent
from ..model.part import SerialAddress
from ..model.vm import VM
from .address import write_serial
from .device import alias, host_state, index_of, lose, read_alias, read_port
from .serial import write_port
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("enabled", "channel/target@name", code=True),
    Row("type", "channel", code=True),
    Row("type", "serial", code=True),
    Row("socket", "channel/source@path", code=True),
    Row("port", "serial/target@port", code=True),
    Row("freeze_fs", "", code=True, finding="metadata-only"),
    Row("fstrim_cloned_disks", "", code=True, finding="metadata-only"),
    Row("address", "channel/address", code=True),
)
TABLE = (Rows(Agent, "devices", ROWS),)

NAME = "org.qemu.guest_agent.0"
KEY = "qga0"


def write(vm: VM, domain: Domain) -> None:
    agent = vm.agent
    for field, word in (("freeze_fs", "freeze-fs"), ("fstrim_cloned_disks", "fstrim_cloned_disks")):
        if getattr(agent, field) is not None:
            domain.report.add("metadata-only", agent.where, f"agent: {word} is for Proxmox VE's own use of the agent")
    if not agent.enabled:
        return
    if agent.type == "isa":
        write_port(vm, domain, KEY, agent.port or 0, None, agent.socket)
        return
    node = domain.devices.add("channel", type="unix")
    if agent.socket:  # else it is libvirt's to choose
        node.add("source", mode="bind", path=agent.socket)
    node.add("target", type="virtio", name=NAME)
    node.add("alias", name=alias("agent"))
    write_serial(node, SerialAddress(KEY, 1), index_of(vm, KEY))


def read(domain: Domain, vm: VM) -> None:
    for node in domain.devices.children:
        target = node.peek("target")
        if node.claimed or target is None or vm.agent.enabled:
            continue
        if node.tag == "channel" and target.attrib.get("name") == NAME and target.attrib.get("type") == "virtio":
            _read_channel(domain, node, target, vm)
        elif node.tag == "serial" and _is_agent(node):
            _read_serial(domain, node, target, vm)


def _read_channel(domain: Domain, node: Node, target: Node, vm: VM) -> None:
    node.claim()
    target.claim("type")
    target.take("name")
    target.expect("state", "connected", "disconnected")
    type_ = node.take("type")
    read_alias(domain, node, "agent|qga0")
    vm.agent = Agent(enabled=True, type="virtio", key=KEY, where=node)
    read_port(domain, vm, node, SerialAddress(KEY, 1))
    source = node.peek("source")
    if type_ == "unix":
        if source is not None:
            source.claim()
            source.expect("mode", "bind")
            vm.agent.socket = source.take("path")
    else:
        text = source.whole() if source is not None else ""
        domain.report.add("host-lost", node, f"the guest agent's channel on {type_} {text} becomes a socket")
    host_state(domain, node)
    lose(domain, node, "host-lost", "log", "protocol")


def _is_agent(node: Node) -> bool:
    """A pseudo terminal stands for the socket, whose directory a libvirt host does not have."""
    name = node.peek("alias")
    return name is not None and name.attrib.get("name") == alias(KEY) and node.attrib.get("type") in ("unix", "pty")


def _read_serial(domain: Domain, node: Node, target: Node, vm: VM) -> None:
    """The serial port that `write` made."""
    node.claim()
    target.claim()
    node.take("type")
    target.expect("type", "isa-serial")
    model = target.peek("model")
    if model is not None and model.expect("name", "isa-serial"):
        model.claim()
    read_alias(domain, node, KEY)
    source = node.peek("source")
    vm.agent = Agent(enabled=True, type="isa", key=KEY, where=node)
    if source is not None:
        source.claim()
        source.expect("mode", "bind")
        vm.agent.socket = source.take("path")
    port = target.attrib.get("port", "")
    if port.isascii() and port.isdigit() and len(port) < 4:
        target.take("port")
        vm.agent.port = int(port)
