"""Before anything moves: is the machine that would be there the one that runs? The running QEMU is the truth, not its config."""

from __future__ import annotations

from pathlib import Path

from ...argv.read import CommandLine, fields
from ...core.report import BridgeError, Finding, Report
from ...data import gates
from ...guest.compare import Difference, compare
from ...guest.said import said
from ...guest.tree import tree
from ...guest.values import word
from .machine import Machine

DEFAULT_MEMORY = "pc.ram"
"""Of x86 machines whose command line names no memory."""
PERIPHERAL = "/machine/peripheral"
"""Where QEMU has the devices with ids."""


def differences(running: CommandLine, coming: CommandLine, newest: gates.Version) -> list[Difference]:
    """What a guest would notice, the most important first; `newest` as in `guest.diff`."""
    return compare(tree(running, newest), tree(coming, newest))


def at_risk(running: CommandLine) -> list[Finding]:
    """TCG forgets a page now and then that one CPU writes to while it is sent: where a page that is dirty already is marked so, QEMU does
    not tell the CPUs to note the next write (cpu_physical_memory_sync_dirty_bitmap in QEMU's ram_addr.h). KVM keeps its own record."""
    facts = tree(running, gates.TARGET_QEMU).facts
    if facts["machine"]["accel"] != "tcg" or facts["smp"]["present"] == "0":
        return []
    report = Report()
    message = "the guest runs under TCG with more than one CPU: while it runs, QEMU may lose pages of its memory on the way"
    report.add("memory-at-risk", "-smp", message, "move it with --suspend")
    return list(report)


def plugged(machine: Machine, line: CommandLine) -> list[Difference]:
    """Devices that the running QEMU has and its command line does not, and the other way: plugged in or out since."""
    listed = machine.do("qom-list", {"path": PERIPHERAL})
    there = {str(each["name"]): str(each["type"]).removeprefix("child<").removesuffix(">") for each in listed if each["name"] != "type"}
    made = {word(device["id"]): word(device["driver"]) for device in said(line, gates.TARGET_QEMU).devices if "id" in device}
    added = [name for name in there if name not in made]
    gone = [name for name in made if name not in there]
    return [
        *(Difference("device", f"device {name}", there[name], None, "plugged in later", "") for name in added),
        *(Difference("device", f"device {name}", None, made[name], "plugged out", "-device") for name in gone),
    ]


PLUGGABLE = ("disk", "interface", "hostdev", "memory", "rng", "redirdev", "channel")
"""Elements of devices that libvirt plugs into a running domain, each with an alias that is its id in QEMU."""


def plugged_by_libvirt(xml: str, line: CommandLine) -> list[Difference]:
    """The same for a domain that runs: its XML now, and the command line that its QEMU was started with."""
    from lxml import etree

    root = etree.fromstring(xml)
    found = [(kind, alias) for kind in PLUGGABLE for alias in root.findall(f"devices/{kind}/alias")]
    made = {word(device["id"]): word(device["driver"]) for device in said(line, gates.TARGET_QEMU).devices if "id" in device}
    there = {str(alias.get("name")): kind for kind, alias in found}
    added = [name for name in there if name not in made]
    gone = [name for name in made if name not in xml]  # devices of qemu:commandline have no alias, and stand in the text
    return [
        *(Difference("device", f"device {name}", f"<{there[name]}>", None, "plugged in later", "") for name in added),
        *(Difference("device", f"device {name}", None, made[name], "plugged out", "-device") for name in gone),
    ]


def process_of(uuid: str) -> int | None:
    """The QEMU on this host that libvirt started for a domain with this UUID. BridgeError if there are several: two libvirts may each have
    such a domain, and nothing else tells which one is meant."""
    wanted, found = b"\0-uuid\0" + uuid.encode() + b"\0", []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue  # it has ended meanwhile, or is somebody else's
    if len(found) > 1:
        raise BridgeError(f"several QEMUs here run with UUID {uuid}: {', '.join(map(str, sorted(found)))}: end the ones that are not meant")
    return found[0] if found else None


def blocked(machine: Machine) -> list[str]:
    """Why the running QEMU would not migrate, in its own words."""
    return [str(reason) for reason in machine.do("query-migrate").get("blocked-reasons", ())]


def renamed(source: CommandLine, target: CommandLine) -> dict[str, str]:
    """Blocks of memory whose names differ: what the source calls them -> what the target does.

    BridgeError if the two do not have the same blocks."""
    ours, theirs = _blocks(source), _blocks(target)
    if ours.keys() != theirs.keys():
        odd = ", ".join(sorted(" ".join(map(str, key)) for key in ours.keys() ^ theirs.keys()))
        raise BridgeError(f"the memory is not divided the same way on both sides: {odd}")
    found = {ours[key]: theirs[key] for key in ours if ours[key] != theirs[key]}
    if set(found.values()) & (set(ours.values()) - set(found)):
        raise BridgeError("a block of memory would get the name of another one")
    return found


Role = tuple[str, int]


def _blocks(line: CommandLine) -> dict[Role, str]:
    """What a block is for -> its name. The name of a memory backend is its id (QEMU's x-use-canonical-path-for-ramblock-id is off)."""
    found: dict[Role, str] = {}
    made = said(line, gates.TARGET_QEMU)
    if name := made.machine.get("memory-backend"):
        found["machine", 0] = word(name)
    for number, text in enumerate(made.options.get("numa", ())):
        node = fields(text, "type")
        if "memdev" in node:
            found["node", int(node.get("nodeid", number))] = word(node["memdev"])
    found = found or {("machine", 0): DEFAULT_MEMORY}
    for number, device in enumerate(each for each in made.devices if "memdev" in each):
        found["dimm", int(device.get("slot", number))] = word(device["memdev"])
    return found
