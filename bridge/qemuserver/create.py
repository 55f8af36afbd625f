"""`qm create`: a config as a shell command, which also imports images (qemu-server 9.2.6: `qm` takes every key as an option).

A file would be taken as it is; the command goes through the API, which checks it (API2/Qemu.pm, create_vm), gives the VM what the
config does not say, and copies what is on no storage of the VM's.
"""

from __future__ import annotations

import posixpath
import re
import shlex

from ..core.report import BridgeError, NullReport, Report
from ..data.gates import has_pool
from ..data.machines import UNVERSIONED
from ..data.options import SECRETS, option
from ..data.ostype import windows_version
from ..host.facts import HostFacts
from ..host.storagecfg import LOCAL
from ..host.volid import mapped_storage, volume_id
from ..model.disk import Source
from ..model.vm import VM
from ..passes.resolve.machine import resolve as resolve_machine
from .drive import CLOUDINIT, imported
from .read import read
from .text import ConfigText, parse

DRIVE = re.compile(r"(?:ide|sata|scsi|virtio)[0-9]+|efidisk0|tpmstate0")
AFTER = {
    "template": "qm template {vmid}",
    "lock": "qm set {vmid} --lock {value}",
    "unused": "qm set {vmid} --{key} {value}",
}
"""Keys that a VM gets when it is there."""
UNSAID = {"boot": "cdn", "smbios1": "uuid=00000000-0000-0000-0000-000000000000", "vmgenid": "0"}
"""Keys that the API fills in with something else where they are not said, and the values that mean what a file without them means."""
REQUIRED = {"efidisk0": {"efitype": "2m", "pre-enrolled-keys": "0"}, "tpmstate0": {"version": "v1.2"}}
"""What an import must say, and what a config means that does not."""
_OWNER = re.compile(r"[^:]+:(?:([0-9]+)/|(?:vm|base|subvol)-([0-9]+)-)")


def command(text: str, vmid: int, host: HostFacts, report: Report) -> str:
    """The command for a config, one option a line, for a POSIX shell. What no such command says is a finding."""
    config = parse(text, vmid=vmid, name="the config")
    values = {key: entry.value for key, entry in config.main.entries.items()}
    values |= _pinned(read(config, vmid, "the config", NullReport()), values, host, report)
    lines = [f"qm create {vmid}"]
    if config.main.description is not None:
        lines.append(_option("description", config.main.description))
    for key, said in {**values, **{key: said for key, said in UNSAID.items() if key not in values}}.items():
        value = _taken(key, said, vmid, host, report)
        if value is not None:
            lines.append(_option(key, _drive(key, value, vmid, host, report) if DRIVE.fullmatch(key) else value))
    _report_sections(config, report)
    return " \\\n  ".join(lines) + "\n"


def _report_sections(config: ConfigText, report: Report) -> None:
    for name in (*config.snapshots, *config.special):
        report.add("host-lost", None, f"qm create makes a VM without the section [{name}]", "take the file")
    if config.pending.entries or config.pending.description is not None:
        report.add("host-lost", None, "qm create makes a VM without pending changes", "take the file")


def _pinned(vm: VM, values: dict[str, str], host: HostFacts, report: Report) -> dict[str, str]:
    """The machine that a file would start with. A new VM is one of the node's QEMU: the API says so, and pins Windows to that version."""
    if vm.machine.type is not None and vm.machine.type not in UNVERSIONED:
        return {}
    try:
        machine = resolve_machine(vm, host, NullReport()).machine
    except BridgeError:
        return {}  # whoever starts it is told why it cannot
    if machine.pci_hotplug_bridge is False:
        message = "a Linux guest on q35 gets QEMU's hot plug of PCI bridges with qm create, which may rename its network cards"
        report.add("guest-changed", vm.machine.where, message, "take the file")
    if not windows_version(vm.meta.ostype) or machine.pinned is None:
        return {}
    others = [part for part in values.get("machine", "").split(",") if "=" in part and not part.startswith("type=")]
    return {"machine": ",".join([machine.pinned, *others])}


def _option(key: str, text: str) -> str:
    """A value that begins with a dash could be taken for an option."""
    return f"--{key}={shlex.quote(text)}" if text.startswith("-") else f"--{key} {shlex.quote(text)}"


def _taken(key: str, text: str, vmid: int, host: HostFacts, report: Report) -> str | None:
    if key in SECRETS:
        report.add("secret-left-out", None, f"{key} is not written into a command line", f"qm set {vmid} --{key} ...")
        return None
    if key == "iothreads" and not has_pool(host.qemu_server):
        return None  # told already; the API refuses the whole command
    later = AFTER.get(key.rstrip("0123456789"))
    if later is not None:
        report.add("not-applied", None, f"{key} is for a VM that is there", later.format(vmid=vmid, key=key, value=shlex.quote(text)))
        return None
    if key == "cpuunits" and not int(text):
        report.add("normalised", None, "cpuunits: 0 means the default, and is not said to qm create")
        return None
    known = option(key)
    if known is not None and known.internal:
        report.add("normalised", None, f"{key} is qemu-server's own: it writes a new one")
        return None
    return text


def _drive(key: str, text: str, vmid: int, host: HostFacts, report: Report) -> str:
    """A drive whose image is not the VM's own is copied: `STORAGE:0,import-from=...`."""
    file, *rest = text.split(",")
    file = file.removeprefix("file=")
    if key == "tpmstate0" and file == "none":  # its state has no volume yet: the API makes one
        return _whole(key, ",".join((f"{_storage(host)}:1", *rest)))
    if CLOUDINIT.search(file) and ":" in file:
        return ",".join((f"{file.partition(':')[0]}:cloudinit", *(part for part in rest if not part.startswith(("size=", "format=")))))
    if file.startswith("/"):
        return _of_path(key, text, file, vmid, host, report)
    owner = _OWNER.match(file)
    if owner and int(owner[1] or owner[2]) != vmid and "media=cdrom" not in rest:
        return _whole(key, imported(text, file.partition(":")[0]))
    return text


def _of_path(key: str, text: str, file: str, vmid: int, host: HostFacts, report: Report) -> str:
    """A path: the API takes devices, and what is on a storage; a CD-ROM it cannot import."""
    storage = mapped_storage(host, file)
    if storage is None and (file.startswith("/dev/") or _on_storage(file, vmid, host)):
        return text
    if "media=cdrom" in text.split(",")[1:]:
        if _on_storage(file, vmid, host):
            return text
        name = posixpath.basename(file)
        to = f"qm set {vmid} --{key} {shlex.quote(f'{LOCAL.id}:iso/{name},media=cdrom')}"
        report.add("import-needed", None, f"{key}: {file} is on no storage: the drive stays empty", f"copy it to one for ISO images: {to}")
        return ",".join(("none", *text.split(",")[1:]))
    if storage is None:
        storage = _storage(host)
        message = f"{key}: qm create copies {file} to {storage}"
        report.add("import-needed", None, message, f"--storage {posixpath.dirname(file)}=STORAGE names another")
    return _whole(key, imported(text, storage))


def _on_storage(file: str, vmid: int, host: HostFacts) -> bool:
    try:
        match = volume_id(host, Source(kind="file", path=file), vmid)
    except BridgeError:
        return False
    return match is not None and match.volid is not None and not match.volid.startswith("/")


def _storage(host: HostFacts) -> str:
    """One that holds images: every node has `local`."""
    fitting = [name for name, storage in host.storages.items() if "images" in storage.content]
    return LOCAL.id if LOCAL.id in fitting or not fitting else fitting[0]


def _whole(key: str, text: str) -> str:
    """With all that the API asks for of a new volume."""
    said = {part.partition("=")[0] for part in text.split(",")}
    return ",".join((text, *(f"{name}={value}" for name, value in REQUIRED.get(key, {}).items() if name not in said)))
