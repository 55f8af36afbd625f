"""Serial and parallel ports (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.serial import Parallel, Serial
from ..model.vm import VM
from .emit import Command, escaped

ROWS = (Row("path", "-chardev path", code=True), Row("socket", "-chardev path", code=True), Row("port", "chardev", code=True))
PARALLEL_ROWS = (Row("path", "-chardev path", code=True), Row("port", "chardev", code=True))
TABLE = (Rows(Parallel, "", PARALLEL_ROWS), Rows(Serial, "", ROWS))

USB_PRINTER = "/dev/usb/lp"
"""QEMU's parallel chardev speaks the ioctls of a parallel port, which a USB printer has not."""


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    uart = vm.machine.arch == "aarch64"
    for serial in vm.serials:
        name = f"serial{serial.index}"
        if serial.path is None:
            command.devices += ("-chardev", f"socket,id={name},path={serial.socket},server=on,wait=off")
        else:
            command.devices += ("-chardev", f"serial,id={name},path={escaped(serial.path)}")
        if uart and serial.index == 0 and serial.path is None:  # the UART of the virt board has a fixed place
            command.devices += ("-serial", f"chardev:{name}")
        else:
            command.device(f"isa-serial,chardev={name}")
    for parallel in vm.parallels:
        name, path = f"parallel{parallel.index}", parallel.path or ""
        kind = "serial" if path.startswith(USB_PRINTER) else "parallel"
        command.devices += ("-chardev", f"{kind},id={name},path={escaped(path)}")
        command.device(f"isa-parallel,chardev={name}")
