"""What is not a device: the board and its switches, firmware, SMBIOS, clock, boot, what happens on a reset."""

from __future__ import annotations

from ..argv.read import fields
from ..data.machines import POWER_OBJECT, VERSIONED
from ..data.qemu import (
    ACTION_DEFAULTS,
    ACTION_HOST,
    BOARD_GATES,
    BOOT_DEFAULTS,
    FLAGS,
    GLOBAL_DEFAULTS,
    HOST,
    KEYMAP_DEFAULT,
    MACHINE_DEFAULTS,
    MACHINE_HOST,
    RTC_DEFAULTS,
)
from .backends import file_of
from .said import Fields, Said
from .values import memory, plain, size, word

Facts = dict[str, str]

READ = frozenset((
    *("M", "accel", "action", "append", "bios", "blockdev", "boot", "cpu", "device", "drive", "enable-kvm", "fw_cfg", "global"),
    *("initrd", "k", "kernel", "m", "machine", "no-acpi", "no-hpet", "no-reboot", "nodefaults", "nographic", "numa", "object"),
    *("readconfig", "rtc", "set", "smbios", "smp", "usb", "uuid", "vga", "watchdog-action"),
))
"""Options that some reader of this package understands."""

NO_UUID = "00000000-0000-0000-0000-000000000000"


def machine(said: Said) -> Facts:
    """Board, version, accelerator, and every property that differs from its default."""
    found: Facts = {"type": VERSIONED.get(said.base, said.base), "accel": said.accel}
    program = said.program.rpartition("/")[2]
    found["arch"] = program.removeprefix("qemu-system-") if program.startswith("qemu-system-") else "x86_64"
    if said.version:
        found["version"] = ".".join(map(str, said.version))
    properties = {name: plain(value) for name, value in said.machine.items() if name not in MACHINE_HOST}
    switches = {"no-acpi": ("acpi", "off"), "no-hpet": ("hpet", "off"), "nographic": ("graphics", "off"), "usb": ("usb", "on")}
    for option, (name, value) in switches.items():
        if option in said.options:
            properties[name] = value
    found |= {name: value for name, value in properties.items() if value not in (MACHINE_DEFAULTS.get(name), "auto")}
    if "nodefaults" not in said.options:
        found["default devices"] = "on"
    keymap = said.last("k") or KEYMAP_DEFAULT
    return found | ({"keymap": keymap} if keymap != KEYMAP_DEFAULT else {})


def firmware(said: Said) -> Facts:
    """Flash images: the code by its file's name, since its contents are what the guest runs, and that there are variables."""
    flash: dict[int, tuple[str, object]] = {unit: (word(drive.get("file", "")), drive.get("size")) for unit, drive in said.pflash.items()}
    for unit in (0, 1):
        node = said.machine.get(f"pflash{unit}")
        if node is not None:
            flash[unit] = file_of(said, word(node))
    found: Facts = {}
    if (bios := said.last("bios")) is not None:
        found["bios"] = bios.rpartition("/")[2]
    if 0 in flash:
        found["code"] = flash[0][0].rpartition("/")[2]
    if 1 in flash:
        found["variables"] = "there"
        if (cut := flash[1][1]) is not None:
            found["variables size"] = memory(size(cut, "pflash size"))
    return found


def smbios(said: Said) -> Facts:
    """Type 1 by its fields, all others as they are said; without a UUID it is all zero."""
    found: Facts = {}
    others: dict[str, list[str]] = {}
    for value in said.options.get("smbios", ()):
        entry = fields(value)
        kind = word(entry.pop("type", "file"))
        if kind == "1":
            found |= {name: str(text) for name, text in entry.items()}
        else:
            others.setdefault(f"type {kind}", []).append(",".join(f"{name}={text}" for name, text in entry.items()))
    found["uuid"] = (said.last("uuid") or NO_UUID).lower()
    return found | {kind: " ".join(texts) for kind, texts in others.items()}


def rtc(said: Said) -> Facts:
    """Differences from a clock in UTC; a date without a time is midnight."""
    found = {name: str(value) for name, value in said.merged("rtc").items()}
    base = found.get("base", "")
    if base[:1].isdigit() and "T" not in base:
        found["base"] = base + "T00:00:00"
    return {name: value for name, value in found.items() if RTC_DEFAULTS.get(name) != value}


def boot(said: Said) -> Facts:
    """Menu, timeouts, legacy order; and the picture by its file's name: the guest finds it, and all files of fw_cfg behind it."""
    found = {name: plain(value) for name, value in said.merged("boot", "order").items()}
    if "splash" in found:
        found["splash"] = found["splash"].rpartition("/")[2]
    return {name: value for name, value in found.items() if BOOT_DEFAULTS.get(name) != value}


def action(said: Said) -> Facts:
    """What a reset, a panic or the watchdog does."""
    found = {name: plain(value) for name, value in said.merged("action").items()}
    if "no-reboot" in said.options:
        found["reboot"] = "shutdown"
    if (watchdog := said.last("watchdog-action")) is not None:
        found["watchdog"] = watchdog
    return {name: value for name, value in found.items() if ACTION_DEFAULTS.get(name) != value and name not in ACTION_HOST}


def kernel(said: Said) -> Facts:
    """A kernel given to QEMU, and files for the firmware."""
    found = {name: text.rpartition("/")[2] for name in ("kernel", "initrd") if (text := said.last(name)) is not None}
    if (line := said.last("append")) is not None:
        found["append"] = line
    for value in said.options.get("fw_cfg", ()):
        entry = fields(value, "name")
        found[f"fw_cfg {word(entry.get('name', ''))}"] = str(entry.get("string", word(entry.get("file", "")).rpartition("/")[2]))
    return found


def confidential(said: Said) -> Facts:
    """The object that protects the guest from its host."""
    made: Fields = said.objects.get(word(said.machine.get("confidential-guest-support", "")), {})
    return {name: plain(value) for name, value in made.items() if name not in ("id", "quote-generation-socket")}


def globals_(said: Said) -> Facts:
    """-global for devices of the board; those of the other board do nothing, those of listed devices are theirs."""
    other_board = {device for base, device in POWER_OBJECT.items() if base != said.base}
    found: Facts = {}
    for entry in said.globals:
        if not entry.used and entry.driver not in other_board:
            found[f"{entry.driver}.{entry.name}"] = plain(entry.value)
    return {name: value for name, value in found.items() if _global_default(said, name) != value}


def _global_default(said: Said, name: str) -> str | None:
    if name in BOARD_GATES:
        gate, before, since = BOARD_GATES[name]
        return since if not said.version or said.has(gate) else before
    return GLOBAL_DEFAULTS.get(name)


def other(said: Said) -> Facts:
    """Options that nothing here understands and that are not known to be the host's: compared as they stand."""
    found = {}
    for name, values in said.options.items():
        if name not in READ and name not in HOST:
            found[f"-{name}"] = "on" if name in FLAGS else " ".join(values)
    vga = said.last("vga")
    if vga not in (None, "none"):
        found["-vga"] = vga or ""
    return found


