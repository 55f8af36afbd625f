"""Clock, boot order, identity, entropy, watchdog, sound, tablet, TPM: kinds of a few lines each."""

from __future__ import annotations

import re
from functools import partial

from ...core.report import BridgeError
from ...data.qemu import RTC_DEFAULTS
from ...host.volid import path_problem
from ...model.audio import Audio
from ...model.boot import Boot
from ...model.clock import Clock
from ...model.meta import SMBIOS
from ...model.rng import RNG
from ...model.watchdog import Watchdog
from .disk import in_full
from .line import Line
from .machine import merged
from .said import Said

_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:T[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})?", re.ASCII).fullmatch
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch
LOST_TICKS = "kvm-pit.lost_tick_policy"
SPLASH = "/usr/share/qemu-server/bootsplash.jpg"
NOTHING = "fd"
"""A class of devices that no config has: nothing of it boots."""
LETTERS = {"a": "fd", "b": "fd", "c": "hd", "d": "cdrom", "n": "network", "o": "network", "p": "network"}
DEFAULT_ORDER = "cad"
"""QEMU's on a PC."""
_NO_KERNELS = ("/proc", "/sys", "/dev", "/etc", "/run", "/var/run")


def read_clock(line: Line) -> None:
    said = merged(line, "rtc")
    local = line.flag("localtime")
    clock = line.vm.clock = Clock(localtime=False, tdf=False, where=said or line.file)
    policy = line.global_(LOST_TICKS, "discard", "delay")
    clock.pit_discard = None if policy is None else policy == "discard"
    clock.localtime = local is not None
    if said is None:
        return
    base = said.peek("base")
    if base in ("utc", "localtime"):
        said.get("base")
        clock.localtime = base == "localtime"
    elif base is not None and _DATE(base):
        said.get("base")
        clock.startdate, clock.localtime = base, None
    if (drift := said.peek("driftfix")) in ("slew", "none"):
        said.get("driftfix")
        clock.tdf = drift == "slew"
    said.expect("clock", RTC_DEFAULTS["clock"])


def read_boot(line: Line) -> None:
    said = merged(line, "boot")
    boot = line.vm.boot = Boot(where=said or line.file)
    for name, field in (("kernel", "kernel"), ("initrd", "initrd"), ("append", "cmdline")):
        option = line.last(name)
        if option is not None:
            if name != "append" and (problem := _kernel_problem(option.text)):
                raise BridgeError(f"-{name}: the path '{option.text[:200]}' {problem}: {in_full(option.text)}", option)
            setattr(boot, field, option.text)
            line.late.append(partial(_lose_kernel, line, option))
    if said is None:
        boot.classes = _classes(DEFAULT_ORDER)
        return
    boot.menu, strict = said.flag("menu"), said.flag("strict")
    line.strict = bool(strict)
    boot.reboot_timeout = said.number("reboot-timeout")
    if said.peek("splash") == SPLASH and line.is_pve:
        said.get("splash")
    letters = said.peek("order")
    if letters is not None and letters and set(letters) <= LETTERS.keys():
        said.get("order")
        boot.classes = _classes(letters)
    else:
        boot.classes = [NOTHING] if strict else _classes(DEFAULT_ORDER)


def _lose_kernel(line: Line, option: Said) -> None:
    message = f"a VM that is started with -{option.name} '{option.text}' has no key in a config"
    line.report.mend("guest-lost", option, message, option.words)


def _classes(letters: str) -> list[str]:
    return list(dict.fromkeys(LETTERS[letter] for letter in letters))


def read_identity(line: Line) -> None:
    meta = line.vm.meta
    if line.is_pve and line.flag("snapshot") is not None:
        meta.template = True
    _read_name(line)
    uuid = line.last("uuid")
    smbios = _read_smbios(line)
    if uuid is not None:
        if not _UUID(uuid.text):
            raise BridgeError(f"'{uuid.text[:60]}' is not a UUID", uuid)
        if smbios is None or smbios.uuid is None:
            smbios = smbios or SMBIOS(where=uuid)
            smbios.uuid = uuid.text.lower()
    meta.uuid = smbios.uuid if smbios is not None else None
    meta.smbios1 = smbios
    for device in line.of("vmgenid"):
        guid = device.said.peek("guid") or ""
        if meta.vmgenid is None and (_UUID(guid) or (line.is_pve and guid.isdigit())):
            meta.vmgenid = device.said.get("guid")
            device.taken = True


_DNS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*", re.ASCII).fullmatch


def _read_name(line: Line) -> None:
    meta = line.vm.meta
    said = merged(line, "name")
    if said is None:
        return
    name = said.get("guest")
    said.expect("debug-threads", "on")
    if (process := said.get("process")) is not None:
        line.report.add("host-state", said, f"process={process}: what the process is called on its host is left behind")
    if name is None or (line.is_pve and name == f"vm{line.vmid}"):
        return
    if not name.isprintable():
        raise BridgeError("the name holds a control character: remove it", said)
    if len(name) <= 253 and _DNS(name):
        meta.name = name
        return
    labels = (re.sub(r"[^A-Za-z0-9-]+", "-", label, flags=re.ASCII)[:63].strip("-") for label in name.split("."))
    meta.name = ".".join(label for label in labels if label)[:253].strip(".-") or None
    meta.description = f"QEMU name: {name}"
    shown = meta.name or "no name"
    message = f"'{name}' is not a DNS name, so the VM is called {shown}"
    line.report.add("normalised", said, message, "the old name stands in the description")


FIELDS = ("family", "manufacturer", "product", "serial", "sku", "uuid", "version")


def _read_smbios(line: Line) -> SMBIOS | None:
    """Table 1 only; the others stay."""
    found: SMBIOS | None = None
    for option in line.all("smbios"):
        if option.peek("type") != "1":
            continue
        option.claim()
        option.get("type")
        found = found or SMBIOS(where=option)
        for field in FIELDS:
            if field in option.properties:
                value = option.get(field) or ""
                if field == "uuid" and not _UUID(value):
                    raise BridgeError(f"'{value[:60]}' is not a UUID", option)
                if not value.isprintable():
                    raise BridgeError(f"smbios {field} holds a control character: remove it", option)
                setattr(found, field, value)
    return found


def read_rng(line: Line) -> None:
    for device in line.of("virtio-rng-pci"):
        name = device.said.peek("rng") or ""
        backend = line.objects.get(name)
        kind = backend.peek("qom-type") if backend is not None else None if name else "rng-builtin"
        if line.vm.rng is not None or kind not in ("rng-random", "rng-builtin"):
            continue
        device.said.get("rng")
        device.taken = True
        path = None
        if backend is not None:
            backend.claim()
            path = backend.get("filename") if kind == "rng-random" else None
            backend.get("id")
            backend.get("qom-type")
        limit, period = device.said.number("max-bytes"), device.said.number("period")
        line.vm.rng = RNG(
            source=path or "/dev/urandom", max_bytes=limit or 0, period=period, key=device.id, address=device.address, where=device.said
        )


def read_watchdog(line: Line) -> None:
    action = line.last("watchdog-action")
    for device in line.of("i6300esb", "ib700"):
        if line.vm.watchdog is not None or (device.driver == "ib700" and not line.is_pve):
            continue
        device.taken = True
        device.said.get("bus")
        device.said.get("addr")
        text = action.text if action is not None else None
        line.vm.watchdog = Watchdog(model=device.driver, action=text, key=device.id, address=device.address, where=device.said)
    if action is not None and line.vm.watchdog is None and not (action.text == "reset" and line.is_libvirt):
        action.unclaim()


def read_audio(line: Line) -> None:
    for device in line.of("AC97", "intel-hda", "ich9-intel-hda"):
        if device.said.name == "readconfig":
            device.taken = True  # every q35 of qemu-server has it
            continue
        if line.vm.audio is not None:
            continue
        codecs = [codec for codec in line.of("hda-micro", "hda-duplex", "hda-output") if codec.said.peek("bus") in (None, f"{device.id}.0")]
        if device.driver != "AC97" and [codec.driver for codec in codecs] != ["hda-micro", "hda-duplex"]:
            continue
        name = device.said.get("audiodev")
        device.taken = True
        for n, codec in enumerate(codecs if device.driver != "AC97" else []):
            codec.taken = True
            codec.said.get("bus")
            name = codec.said.get("audiodev") or name
            codec.said.expect("cad", str(n))
        line.vm.audio = Audio(device=device.driver, driver=_backend(line, name), key=device.id, address=device.address, where=device.said)


def _backend(line: Line, name: str | None) -> str | None:
    said = line.audiodevs.get(name or "") or (next(iter(line.audiodevs.values()), None) if name is None else None)
    if said is None:
        return None
    said.claim()
    said.get("id")
    return said.get("driver")


def read_tablet(line: Line) -> None:
    tablet = line.vm.tablet
    tablet.present = False
    tablet.where = line.file
    for device in line.of("usb-tablet"):
        if tablet.present:
            continue
        device.taken = True
        tablet.present, tablet.where, tablet.address, tablet.key = True, device.said, device.address, device.id
    if line.vm.machine.arch == "aarch64" and tablet.present:
        for device in line.of("usb-kbd"):
            if not tablet.keyboard:
                device.taken = tablet.keyboard = True


def text_of(said: Said | None) -> str | None:
    return said.text if said is not None else None


def _kernel_problem(path: str) -> str | None:
    """Why a path must not be what a VM is started with; None if it may. Unlike images, kernels are in /boot, too."""
    if path.startswith(("/boot/", "/run/current-system/")):
        return path_problem("/k" + path)
    if path in _NO_KERNELS or path.startswith(tuple(f"{closed}/" for closed in _NO_KERNELS)):
        return "is in a directory that holds no kernels"
    return path_problem(path)
