"""<serial>, <parallel>, <console> (mapping-devices 16, xml-paths chardevs)."""

from __future__ import annotations

import re

from ..core.coverage import Rows
from ..core.report import BridgeError, fields
from ..core.rows import Row
from ..model.serial import Parallel, Serial
from ..model.vm import VM
from .device import alias, host_state, lose, lose_rest, read_alias, refuse
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("path", "source@path", code=True),
    Row("socket", "source@path", code=True),
    Row("port", "target@port", code=True),
    Row("key", "alias@name", code=True),
)
PARALLEL_ROWS = (Row("path", "source@path", code=True), Row("port", "target@port", code=True), Row("key", "alias@name", code=True))
TABLE = (Rows(Parallel, "devices/parallel", PARALLEL_ROWS), Rows(Serial, "devices/serial", ROWS))

USB_PRINTER = "/dev/usb/lp"
DEVICE = re.compile(r"/dev/[A-Za-z0-9_./:+@-]+")
PARALLEL = re.compile(r"/dev/(?:parport|usb/lp)[0-9]+")


def write(vm: VM, domain: Domain) -> None:
    for serial in vm.serials:
        write_port(vm, domain, serial.key or "", serial.port or 0, serial.path, serial.socket)
    for parallel in vm.parallels:
        node = domain.devices.add("parallel", type="dev")
        node.add("source", path=parallel.path or "")
        node.add("target", port=str(parallel.port or 0))
        node.add("alias", name=alias(parallel.key or ""))
        if (parallel.path or "").startswith(USB_PRINTER):
            domain.report.add("host-lost", parallel.where, f"{parallel.key}: libvirt opens {parallel.path} as a parallel port")


def write_port(vm: VM, domain: Domain, key: str, port: int, path: str | None, socket: str | None) -> None:
    """One serial port, on a pseudo terminal where nothing else is said; on aarch64 the first is the board's own UART."""
    node = domain.devices.add("serial", type="dev" if path else "unix" if socket else "pty")
    if path:
        node.add("source", path=path)
    elif socket:
        node.add("source", mode="bind", path=socket)
    if vm.machine.base == "virt" and port == 0:
        node.add("target", type="system-serial", port="0").add("model", name="pl011")
    else:
        node.add("target", type="isa-serial", port=str(port)).add("model", name="isa-serial")
    node.add("alias", name=alias(key))


_TARGETS = {"isa-serial": "isa-serial", "system-serial": "pl011"}


def read(domain: Domain, vm: VM) -> None:
    vm.serials = []
    for node in domain.devices.all("serial"):
        if (serial := _read_serial(domain, node, len(vm.serials))) is not None:
            vm.serials.append(serial)
    _report_twins(domain, [*vm.serials])
    vm.parallels = [_read_parallel(domain, node, n) for n, node in enumerate(domain.devices.all("parallel"))]
    _report_twins(domain, [*vm.parallels])
    for n, node in enumerate(domain.devices.all("console")):
        _read_console(domain, node, vm, n)


def _report_twins(domain: Domain, ports: list[Serial | Parallel]) -> None:
    """Ports of one number: libvirt takes them, and the guest gets them one after the other."""
    seen: set[int | None] = set()
    for port in ports:
        if port.port in seen:
            message = f"port {port.port} is said twice: it becomes the next one that is free"
            domain.report.add("normalised", port.where, message, about=fields(port, "port"))
        seen.add(port.port)


def _port(node: Node, rank: int) -> int:
    """`target@port`; the guest's COM number is the rank among them."""
    target = node.peek("target")
    text = target.attrib.get("port") if target is not None else None
    if target is None or text is None:
        return rank
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        return rank
    target.claim("port")
    return int(text)


def _read_serial(domain: Domain, node: Node, rank: int) -> Serial | None:
    target = node.peek("target")
    type_ = target.attrib.get("type", "isa-serial") if target is not None else "isa-serial"
    if type_ not in _TARGETS:
        refuse(domain, node, "guest-lost", f"a config has no serial port on {type_}")
        return None
    if target is not None:
        target.claim("type")
        model = target.peek("model")
        if model is not None and model.expect("name", _TARGETS[type_]):
            model.claim()
        lose(domain, target, "guest-changed", "address")
    key, _ = read_alias(domain, node, "serial[0-3]|qga0")
    serial = Serial(key=key, port=_port(node, rank), where=node)
    serial.path, serial.socket = _backend(domain, node, "serial port")
    lose(domain, node, "guest-changed", "address")
    return serial


def _backend(domain: Domain, node: Node, what: str) -> tuple[str | None, str | None]:
    """(device of the host, socket): anything else becomes a socket."""
    type_ = node.take("type")
    host_state(domain, node)
    source = node.peek("source")
    path = source.attrib.get("path") if source is not None else None
    if type_ == "dev" and path is not None and source is not None:
        if "," in path or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in path):
            raise BridgeError(f"'{path[:60]}' cannot be written into a config", node)
        if DEVICE.fullmatch(path) and ".." not in path:
            source.claim("path")
            lose(domain, node, "host-lost", "log", "protocol")
            return path, None
    if type_ == "unix" and source is not None and source.attrib.get("mode", "bind") == "bind":
        source.claim("mode")
        source.take("path")
        lose(domain, source, "host-lost", "reconnect")
        lose(domain, node, "host-lost", "log", "protocol")
        return None, path
    if type_ == "pty":
        if (tty := node.take("tty")) is not None:
            domain.report.add("host-state", node, f"{tty} is the terminal of the running domain")
        if source is not None:
            source.claim()
            if source.take("path") is not None:
                domain.report.add("host-state", source, f"{path} is the terminal of the running domain")
        domain.report.add("host-state", node, f"the {what} on a pseudo terminal becomes a socket (qm terminal)")
    else:
        text = source.whole() if source is not None else ""
        domain.report.add("host-lost", node, f"the {what} on {type_} {text} becomes a socket (qm terminal)")
    lose(domain, node, "host-lost", "log", "protocol", "source")
    return None, None


def _read_parallel(domain: Domain, node: Node, rank: int) -> Parallel:
    key, _ = read_alias(domain, node, "parallel[0-2]")
    source = node.peek("source")
    path = source.attrib.get("path", "") if source is not None else ""
    if node.attrib.get("type") == "dev" and source is not None and PARALLEL.fullmatch(path):
        node.take("type")
        source.claim("path")
    else:
        text = source.whole() if source is not None else ""
        domain.report.add("guest-changed", node, f"a config's parallel ports are devices of the host, not {node.take('type')} {text}")
        path = "/dev/parport0"
    parallel = Parallel(key=key, port=_port(node, rank), path=path, where=node)
    host_state(domain, node)
    lose(domain, node, "host-lost", "protocol", "log")
    return parallel


def _read_console(domain: Domain, node: Node, vm: VM, rank: int) -> None:
    """The first console is the first serial port by another name; without such a port it is one."""
    target = node.peek("target")
    type_ = target.attrib.get("type", "serial") if target is not None else "serial"
    if type_ != "serial" or rank:
        refuse(domain, node, "guest-lost", f"a config has no console on {type_}" if type_ != "serial" else "a config has one console")
        return
    if target is not None:
        target.claim("type")
        target.expect("port", "0")
    agent = vm.agent.type == "isa"  # its port may be the only one
    if not vm.serials and not agent and domain.devices.peek("serial") is None:
        key, _ = read_alias(domain, node, "serial[0-3]")
        path, socket = _backend(domain, node, "console")
        vm.serials.append(Serial(key=key, port=0, path=path, socket=socket, where=node))
        return
    read_alias(domain, node, "serial[0-3]|qga0")
    own = {serial.path or serial.socket for serial in vm.serials[:1]} | {vm.agent.socket if agent else None, None}
    source = node.peek("source")
    pty = node.attrib.get("type") == "pty"
    if pty and source is not None and (path := source.take("path")) is not None:
        domain.report.add("host-state", source, f"{path} is the terminal of the running domain")
        source.claim()
    elif source is not None and source.attrib.get("path") in own:
        source.claim("path")
        source.expect("mode", "bind")
    if pty and (tty := node.take("tty")) is not None:
        domain.report.add("host-state", node, f"{tty} is the terminal of the running domain")
    if node.attrib.get("type") in ("unix", "dev", "pty"):
        node.take("type")
    host_state(domain, node)
    lose_rest(domain, node, "host-lost", "console beside the first serial port")
