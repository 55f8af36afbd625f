"""A command line without what needs its host, so that a QEMU here can start it under TCG: no image, tap, firmware or card.

Both machines get the same stand-ins, so what they show differs only where the command lines do. What has no stand-in (firmware, TPM,
confidential guests, CPU features of KVM) is compared from the options alone.
"""

from __future__ import annotations

import json
from typing import Any

from ..argv.read import CommandLine, fields
from ..data import gates
from ..data.devices import IDENTITY, TEXT
from ..data.machines import UNVERSIONED, VERSIONED, without_revision
from ..data.qemu import MACHINE_HOST
from .backends import visible
from .devices import CDS, DRIVES
from .said import Fields, Said, said
from .values import word

IMAGE_SIZE = 64 << 20
SAME_SLOT = {"vfio-pci": "pci-testdev", "vhost-user-fs-pci": "pci-testdev", "vhost-vsock-pci": "pci-testdev"}
SAME_CARD = {"virtio-vga-gl": "virtio-vga", "virtio-gpu-gl-pci": "virtio-gpu-pci", "scsi-block": "scsi-hd", "scsi-generic": "scsi-hd"}
SAME_PORT = {"usb-host": "usb-kbd"}
SLOT = ("id", "bus", "addr", "multifunction", "port")
LEFT_OUT = frozenset(("guest-loader", "loader", "tpm-crb", "tpm-tis"))
NO_GLOBALS = frozenset(("cfi.pflash01", "kvm-pit"))
FILES = frozenset((
    *("cert", "counter", "db", "dir", "dtb", "dumpdtb", "entropy", "evdev", "file", "filename", "firmware", "frudatafile", "hidraw"),
    *("hostdevice", "initrd", "kernel", "logfile", "path", "pcap", "privkey", "romfile", "rootdir", "sdrfile", "sysfsdev"),
))
"""Properties that name a file: QEMU would read it, or write it (`pcap`)."""
NO_FILES = TEXT | IDENTITY
"""Properties whose text may look like a path, and is none."""
UNLIKE = frozenset((*SAME_SLOT, *SAME_CARD, *SAME_PORT, *LEFT_OUT))
"""Devices of which QEMU here shows something else, or nothing."""
THREADS = ("iothread", "iothread-vq-mapping")
SOUND = frozenset(("AC97", "ES1370", "hda-duplex", "hda-micro", "hda-output", "usb-audio", "virtio-sound-pci"))
SPICE = frozenset(("qxl", "qxl-vga"))
SILENCE = "inert-audio"
AS_SAID = ("action", "fw_cfg", "m", "numa", "rtc", "smbios", "smp", "uuid", "vga", "watchdog-action")
FLAGS = ("nodefaults", "no-reboot", "usb")
NO_DISPLAY = ("-S", "-no-user-config", "-display", "none")
CPU_HOST_ONLY = ("check", "enforce", "host-phys-bits", "host-phys-bits-limit", "migratable", "phys-bits")
CPU_TYPE = "x86_64-cpu"
NOT_UNDER_KVM = frozenset(("acpi", "monitor", "svm"))
CPU_MODELS = {"host": "max"}


class Inert:
    """What to start. `lost` names options that were left out and that the run therefore says nothing about.

    `unknown` collects (driver, property) that the QEMU here turned out not to know, `no_models` CPUs; `words` leaves them out.
    """

    def __init__(self, line: CommandLine, machines: frozenset[str], newest: gates.Version) -> None:
        self.said: Said = said(line, newest)
        self.machines = machines
        self.unknown: set[tuple[str, str]] = set()
        self.no_models: set[str] = set()
        self.cpu = self.said.last("cpu") or "qemu64"
        self.lost: list[str] = []
        self.withheld: set[tuple[str, str]] = set()
        """(driver, property) that QEMU is not told, so that what it shows of them says nothing."""

    def words(self, directory: str) -> list[str]:
        """Options for QEMU, its program and QMP not among them. `directory` is for a socket that SPICE wants."""
        self.lost = []
        words = ["-machine", self._machine(), "-cpu", self._cpu(), *NO_DISPLAY]
        words += [f"-{name}" for name in FLAGS if name in self.said.options]
        words += self._objects()
        for name in AS_SAID:
            said_here = self.said.options.get(name, ())
            words += [word for value in said_here if "file" not in fields(value) for word in (f"-{name}", value)]
        words += self._globals()
        words += self._backends()
        if any(device["driver"] in SPICE for device in self.said.devices):
            words += ["-spice", f"unix=on,addr={directory}/spice,disable-ticketing=on"]
        for device in self.said.devices:
            words += self._device(dict(device))
        return words

    def _machine(self) -> str:
        name = without_revision(word(self.said.machine.get("type", "pc")))
        if name in UNVERSIONED:  # it stands for the newest there, not here
            exact = f"{VERSIONED[self.said.base]}-{'.'.join(map(str, self.said.version))}"
            name = exact if exact in self.machines else name
        if name not in self.machines:
            newest = VERSIONED.get(self.said.base, name)
            self.lost.append(f"machine version of {name}, which this QEMU has not")
            name = {"pc-i440fx": "pc", "pc-q35": "q35"}.get(newest, newest)
        left_out = MACHINE_HOST | {"kernel-irqchip"}  # which is about KVM's
        flags = {key: value for key, value in self.said.machine.items() if key not in left_out and self._kept("machine", key, value)}
        for option, key in (("no-acpi", "acpi"), ("no-hpet", "hpet"), ("nographic", "graphics")):
            if option in self.said.options:
                flags[key] = "off"
        return spelled({"driver": name, "accel": "tcg", **flags})

    def _cpu(self) -> str:
        model, *words = self.cpu.split(",")
        if model in self.no_models:
            self.lost.append(f"CPU model {model}, which this QEMU has not")
            model = "max"
        left_out = {*CPU_HOST_ONLY, *(name.replace("_", "-") for driver, name in self.unknown if driver.endswith("-cpu"))}
        kept = [word for word in words if _feature(word) not in left_out]
        if self.said.accel == "kvm" and model not in CPU_MODELS:  # TCG would have them
            kept += [f"{name}=off" for name in sorted(NOT_UNDER_KVM - {_feature(word) for word in words})]
        return ",".join([CPU_MODELS.get(model, model), *kept])

    def _objects(self) -> list[str]:
        """Memory that nodes, DIMMs and devices use; all other objects are the host's."""
        numa = [fields(value).get("memdev") for value in self.said.options.get("numa", ())]
        wanted = {word(name) for name in [*numa, *(device.get("memdev") for device in self.said.devices)] if name is not None}
        words = []
        for name in sorted(wanted & self.said.objects.keys()):
            words += ["-object", spelled({"driver": "memory-backend-ram", "id": name, "size": self.said.objects[name].get("size", 0)})]
        for rng in dict.fromkeys(word(device["rng"]) for device in self.said.devices if "rng" in device):
            words += ["-object", spelled({"driver": "rng-builtin", "id": rng})]
        return words

    def _globals(self) -> list[str]:
        words = []
        for entry in self.said.globals:
            host_cpu = entry.driver.endswith("-cpu") and entry.name in CPU_HOST_ONLY
            if host_cpu or entry.driver in NO_GLOBALS or not self._kept(entry.driver, entry.name, entry.value):
                continue
            if entry.driver == CPU_TYPE and any(name == entry.name and driver.endswith(CPU_TYPE) for driver, name in self.unknown):
                continue  # QEMU names the model's own type
            words += ["-global", spelled({"driver": f"driver={entry.driver}", "property": entry.name, "value": entry.value})]
        return words

    def _kept(self, driver: str, name: str, value: Any) -> bool:
        """Whether a property is known here and names no file."""
        if name in FILES or (name not in NO_FILES and "/" in word(value)) or (driver, name) in self.unknown:
            self.withheld.add((driver, name))
            return False
        return True

    def _backends(self) -> list[str]:
        words = ["-audiodev", f"none,id={SILENCE}"]
        for device in self.said.devices:
            driver = device["driver"]
            if "drive" in device:
                name = word(device["drive"])
                front = visible(self.said, name, driver in CDS)
                node = {"driver": "null-co", "node-name": name, "size": IMAGE_SIZE, "read-only": front.get("read-only") == "on"}
                words += ["-blockdev", json.dumps(node)] if front["medium"] == "in" or driver not in DRIVES else []
            if "netdev" in device:
                words += ["-netdev", spelled({"driver": "hubport", "id": device["netdev"], "hubid": len(words)})]
            if "chardev" in device:
                words += ["-chardev", spelled({"driver": "null", "id": device["chardev"]})]
        return words

    def _device(self, device: Fields) -> list[str]:
        driver = word(device["driver"])
        if driver in LEFT_OUT:
            return []
        if driver.endswith("-cpu"):
            device["driver"] = f"{self._cpu().partition(',')[0]}-{CPU_TYPE}"
        elif driver in SAME_SLOT or driver in SAME_PORT:
            device = {"driver": {**SAME_SLOT, **SAME_PORT}[driver], **{key: device[key] for key in SLOT if key in device}}
        elif driver in SAME_CARD:
            device["driver"] = SAME_CARD[driver]
        if driver in DRIVES and "drive" in device:
            front = visible(self.said, word(device["drive"]), driver in CDS)
            device = {**{key: front[key] for key in ("write-cache", "rerror", "werror") if key in front}, **device}
            if driver.startswith("scsi-") and not device.get("serial") and word(device["drive"]) in self.said.drives:
                device.setdefault("device_id", device["drive"])  # an old drive's name, which a block node does not give
            if front["medium"] == "none":
                del device["drive"]
        if driver in SOUND:
            device["audiodev"] = SILENCE
        for name in THREADS:
            device.pop(name, None)
        driver = device.pop("driver")
        return ["-device", spelled({"driver": driver, **{key: value for key, value in device.items() if self._kept(driver, key, value)}})]


def _feature(word: str) -> str:
    return word.lstrip("+-").partition("=")[0].replace("_", "-")


def spelled(device: dict[str, Any]) -> str:
    """One syntax for all, as QEMU creates devices written as JSON after the others: they stand in that order already."""
    rest = dict(device)
    words = [str(rest.pop("driver"))]
    words += [f"{name}={word(value).replace(',', ',,')}" for name, value in rest.items()]
    return ",".join(words)
