"""How QEMU's process runs on its host: nothing of it is the guest's. What qemu-server writes for every VM is its own again."""

from __future__ import annotations

from ...core.shellwords import without_secrets
from ...data.qemu import HOST
from ..machine import RUN
from .line import QMP, Line

PVE_EVENTS = "socket,id=qmp-event,path=/var/run/qmeventd.sock,"
NOT_HERE = frozenset(("audiodev", "chardev", "display", "mem-path", "mem-prealloc", "netdev", "snapshot", "spice", "tpmdev", "vnc"))
"""Options of HOST that belong to a device; what no device takes of them is told by `rest`."""


def read(line: Line) -> None:
    if line.is_pve:
        _read_own(line)
    if line.is_libvirt:
        _read_libvirt(line)
    _read_monitors(line)
    line.flag("nodefaults")
    for option in line.all("global"):
        if not line.is_pve and option.text.startswith("migration."):
            option.claim()
            line.report.add("host-state", option, f"-global {option.text}: how the VM is moved is asked for with the move")
    for said in line.audiodevs.values():
        if not said.claimed and not _is_named(line, said.peek("id")):
            line.report.add("host-state", said, f"-audiodev {said.text}: no device plays there")
            said.take_all()
    for option in line.options:
        if option.claimed or option.name not in HOST or option.name in NOT_HERE:
            continue
        option.claim()
        if option.properties and option.name in ("mon", "msg", "overcommit", "sandbox"):
            option.properties.clear()
        shown = f"-{option.name} {option.text}".rstrip()
        line.report.add("host-state", option, f"{shown}: how QEMU runs on its host is left behind")


def _is_named(line: Line, name: str | None) -> bool:
    """Whether a device plays there."""
    return any(device.said.peek("audiodev") == name for device in line.devices if not device.taken)


def _read_monitors(line: Line) -> None:
    """Sockets by which somebody speaks to QEMU: the host's."""
    for option in line.all("mon", "qmp", "monitor", "qmp-pretty"):
        name = option.peek("chardev") if option.name == "mon" else None
        backend = line.chardevs.get(name or "")
        if backend is not None and not backend.claimed:
            backend.take_all()
            if not line.is_libvirt:
                line.report.add("host-state", backend, f"-chardev {backend.text}: the monitor of the process is left behind")


LIBVIRT = frozenset(("S", "mon", "msg", "no-shutdown", "no-user-config", "overcommit", "sandbox"))
"""Options of which libvirt gives every QEMU the same."""


def _read_libvirt(line: Line) -> None:
    """The process of a domain of libvirt's: in one finding, as another libvirt does it all again."""
    monitors = {option.peek("chardev") for option in line.all("mon")}
    own = [said for name, said in line.objects.items() if name == "masterKey0" and said.peek("qom-type") == "secret"]
    own += [said for name, said in line.chardevs.items() if name in monitors]
    own += [said for said in line.audiodevs.values() if said.peek("id") == "audio1" and not _is_named(line, "audio1")]
    own += line.all(*LIBVIRT)
    for said in own:
        said.take_all()
    shown = "; ".join(f"-{said.name} {said.text}".rstrip() for said in sorted(own, key=lambda said: said.n))
    line.report.add("host-state", line.file, f"how libvirt ran QEMU is left behind: {without_secrets(shown)}")


def _read_own(line: Line) -> None:
    """Word for word what `argv.machine.start` writes."""
    own = {
        ("chardev", QMP.format(RUN, line.vmid)),
        ("mon", "chardev=qmp,mode=control"),
        ("mon", "chardev=qmp-event,mode=control"),
        ("pidfile", f"{RUN}/{line.vmid}.pid"),
        ("daemonize", ""),
        ("id", str(line.vmid)),
        ("nodefaults", ""),
        ("no-shutdown", ""),
    }
    if line.host.iscsi_initiator_name:
        own.add(("iscsi", f"initiator-name={line.host.iscsi_initiator_name}"))
    missing = own - {(option.name, option.text) for option in line.options}
    for name, text in sorted(missing):
        line.report.add("host-state", line.file, f"qemu-server gives QEMU -{name} {text} besides".rstrip())
    for option in line.options:
        events = option.name == "chardev" and option.text.startswith(PVE_EVENTS)
        if events or (option.name, option.text) in own:
            option.take_all()
