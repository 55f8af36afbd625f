"""os/boot, os/bootmenu, os/bios, direct kernel boot (mapping-machine 13); the devices' own <boot order> is theirs."""

from __future__ import annotations

import re
from weakref import ref

from ..core.coverage import Rows
from ..core.report import fields
from ..core.rows import Row
from ..data.firmware import PICTURE, PICTURES
from ..model.boot import Boot
from ..model.vm import VM
from .args import board
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    *(Row(field, "devices/disk/boot@order", code=True) for field in ("order", "legacy", "bootdisk")),
    Row("splash", "qemu:commandline splash=", code=True),
)
"""`resolve` gives the devices their numbers."""
TABLE = (Rows(Boot, "", ROWS),)

CLASSES = ("fd", "hd", "cdrom", "network")
NOTHING = "fd"
"""A class that no VM of ours has a device of: without any boot entry libvirt would boot the first disk (rule R5)."""
TIMEOUT = "1000"
_SPLASH = re.compile(r"splash=([^,=]+)")
DIRECT = ("loader", "kernel", "initrd", "cmdline", "dtb", "shim")


def write(vm: VM, domain: Domain) -> None:
    os = domain.root.ensure("os")
    if domain.described:
        _write_described(vm, os)
        return
    if not vm.has_boot_order():
        os.add("boot", dev=NOTHING)
    os.add("bootmenu", enable="yes")
    os.ensure("bios").set("rebootTimeout", TIMEOUT)
    if vm.boot.splash is not None:  # QEMU merges it with libvirt's own -boot
        domain.arguments += ("-boot", f"splash={vm.boot.splash}")


def _write_described(vm: VM, os: Node) -> None:
    """A boot order of devices goes before one of classes, for QEMU as for libvirt."""
    boot = vm.boot
    for tag in ("kernel", "initrd", "cmdline"):
        if (value := getattr(boot, tag)) is not None:
            os.add(tag, value)
    if not vm.has_boot_order():
        for name in boot.classes or ():
            os.add("boot", dev=name)
    if boot.menu is not None:
        os.add("bootmenu", enable="yes" if boot.menu else "no")
    if boot.reboot_timeout is not None:
        os.add("bios", rebootTimeout=str(boot.reboot_timeout))


def read(domain: Domain, vm: VM) -> None:
    boot = vm.boot = Boot(where=domain.root)
    _read_picture(domain)
    os = domain.root.peek("os")
    if os is None:
        return
    boot.classes = [node.need("dev") for node in os.all("boot") if node.attrib.get("dev") in CLASSES] or None
    _read_menu(domain, os)
    _read_bios(domain, os, vm)
    for tag in DIRECT[1:]:
        node = os.only(tag)
        if node is not None:
            _read_direct(domain, node, boot)


def read_classes(domain: Domain, vm: VM) -> None:
    """`<boot dev=>` names kinds of devices: the first of each boots, in libvirt's order (qemuProcessPrepareDeviceBootorder)."""
    if not vm.boot.classes or vm.has_boot_order():
        return
    cards = {id(device.where): device for device in (*vm.nets, *vm.hostpcis)}
    first = {
        "hd": next((disk for disk in vm.disks if disk.media != "cdrom"), None),
        "cdrom": next((disk for disk in vm.disks if disk.media == "cdrom"), None),
        "network": next((cards.get(id(node)) for node in domain.devices.children if node.tag == "interface"), None),
    }
    for place, name in enumerate(dict.fromkeys(vm.boot.classes), 1):
        if (device := first.get(name)) is not None:
            device.bootindex = place


def for_node(root: Node) -> bool:
    """Whether the domain was written for a node (`gates.Target.node`): only there the picture is in qemu-server's directory."""
    commandline = root.peek("qemu:commandline")
    return commandline is not None and any(node.attrib.get("value") == f"splash={PICTURE}" for node in commandline.children)


def _read_picture(domain: Domain) -> None:
    """The guest's firmware always gets qemu-server's own picture; `args` can say another one."""
    for option, word in list(zip(domain.arguments, domain.arguments[1:], strict=False)):
        found = _SPLASH.fullmatch(word)
        if option == "-boot" and found and domain.take_arguments(option, word) and found[1] not in PICTURES:
            place = domain.root.peek("qemu:commandline") or domain.root
            domain.report.mend("normalised", place, f"the boot picture {found[1]}: qemu-server shows its own", [option, word])


def _read_menu(domain: Domain, os: Node) -> None:
    """qemu-server always offers the menu, for QEMU's own time."""
    node = os.only("bootmenu")
    if node is None:
        return
    enable, timeout = node.attrib.get("enable"), node.attrib.get("timeout")
    if enable in ("yes", "no"):
        node.take("enable")
        if enable == "no":
            domain.report.add("normalised", node, "qemu-server always offers the boot menu", "args: -boot menu=off")
    if timeout is not None:
        message = f"the boot menu's timeout {node.take('timeout')} has no counterpart"
        board.mend(domain, node, message, lambda _: board.boot("splash-time", timeout), ("timeout",))


def _read_bios(domain: Domain, os: Node, vm: VM) -> None:
    node = os.only("bios")
    if node is None:
        return
    if not node.expect("rebootTimeout", TIMEOUT):
        timeout = node.need("rebootTimeout")
        message = f"the firmware tries again after {timeout} ms; under qemu-server after {TIMEOUT} ms"
        board.mend(domain, Node("bios", {}, ref(os), line=node.line), message, lambda _: board.boot("reboot-timeout", timeout))
    if node.attrib.get("useserial") in ("yes", "no"):
        serial = node.need("useserial") == "yes"
        if serial or vm.machine.graphics is None:  # what -machine graphics=off says holds beside `no`
            vm.machine.graphics = not serial


def _read_direct(domain: Domain, node: Node, boot: Boot) -> None:
    value = node.text.strip(" \t\r\n")
    if node.tag in ("kernel", "initrd", "cmdline"):
        setattr(boot, node.tag, value)
    message = f"a VM that is started with {node.tag} '{value}' has no key in a config"
    board.mend(domain, node, message, board.direct, (), fields(boot, node.tag))
