"""A command line without what needs its host, so that it starts here: under TCG, with no image, tap, firmware or card.

The guest's machine stays as it is as far as this QEMU can make it: devices, slots, buses, iothreads and their mappings.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

QEMU = "qemu-system-x86_64"
IMAGE_SIZE = 64 << 20

Options = dict[str, Any]
Words = list[str]

HOST_FLAGS = frozenset(("-S", "-daemonize", "-enable-kvm", "-nographic", "-snapshot"))
FLAGS = HOST_FLAGS | {"-no-acpi", "-no-fd-bootchk", "-no-hpet", "-no-reboot", "-no-shutdown", "-no-user-config", "-nodefaults"}
"""Options without a value."""
HOST_OPTIONS = frozenset((
    *("-accel", "-chroot", "-D", "-d", "-display", "-id", "-incoming", "-iscsi", "-loadstate", "-mon", "-monitor", "-pidfile", "-qmp"),
    *("-run-with", "-runas", "-sandbox", "-spice", "-tpmdev", "-vnc"),
))
"""The host's business, or Proxmox's own (`-id`): left out."""
CONFIDENTIAL = frozenset(("sev-guest", "sev-snp-guest", "tdx-guest"))
HOST_DEVICES = frozenset(("usb-host", "tpm-tis", "tpm-crb", "tpm-tis-device", "intel-iommu"))
"""Left out: they cannot start without the host's part, and no other device depends on them."""
SAME_SLOT = {"vfio-pci": "pci-testdev", "vhost-user-fs-pci": "pci-testdev", "vhost-vsock-pci": "pci-testdev"}
SAME_CARD = {"virtio-vga-gl": "virtio-vga", "virtio-gpu-gl-pci": "virtio-gpu-pci"}

HOST_MACHINE = frozenset(("accel", "confidential-guest-support", "kernel-irqchip", "memory-backend", "pflash0", "pflash1", "type"))


def parse(text: str, first: str) -> Options:
    """`a,b=c,d=e,,f` or JSON as a dict; the first bare word stands under `first`, others are on."""
    if text.startswith("{"):
        options: Options = json.loads(text)
        return options
    options = {}
    for number, part in enumerate(re.split(r"(?<!,),(?!,)", text.rstrip(","))):
        name, equals, value = part.replace(",,", ",").partition("=")
        if equals:
            options[name] = value
        elif number == 0:
            options[first] = name
        else:
            options[name] = "on"
    return options


def spell(options: Options, first: str) -> str:
    """The opposite of `parse`, as key=value."""
    rest = dict(options)
    words = [str(rest.pop(first))]
    for name, value in rest.items():
        text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
        words.append(f"{name}={text.replace(',', ',,')}")
    return ",".join(words)


@cache
def machine_types() -> frozenset[str]:
    """The machine types of the QEMU here."""
    listed = subprocess.run([QEMU, "-machine", "help"], capture_output=True, text=True, check=True).stdout
    return frozenset(re.findall(r"^(\S+)", listed, re.MULTILINE))


def machine_type(name: str) -> str:
    """The same machine type without Proxmox's revision, or this QEMU's newest of its kind where it does not have it."""
    name = re.sub(r"\+pve\d+$", "", name)
    return name if name in machine_types() else "q35" if "q35" in name else "pc"


def machine(text: str) -> Words:
    options = parse(text, "type")
    kept = {name: value for name, value in options.items() if name not in HOST_MACHINE}
    return ["-machine", spell({"type": machine_type(options.get("type", "pc")), "accel": "tcg", **kept}, "type")]


def block_device(node: str, read_only: bool) -> Words:
    return ["-blockdev", json.dumps({"driver": "null-co", "node-name": node, "size": IMAGE_SIZE, "read-only": read_only})]


def blockdev(text: str) -> Words:
    """A whole chain of nodes becomes an empty disk of the name at its top."""
    node = parse(text, "driver")
    return block_device(node["node-name"], node.get("read-only") in (True, "on"))


def drive(text: str) -> Words:
    options = parse(text, "file")
    if options.get("if") == "pflash":
        return []
    return block_device(options["id"], options.get("readonly") == "on" or options.get("media") == "cdrom")


def chardev(text: str) -> Words:
    options = parse(text, "backend")
    if options["id"] in ("qmp", "qmp-event", "tpmchar"):
        return []
    if options["backend"] == "qemu-vdagent":
        return ["-chardev", text]
    return ["-chardev", f"null,id={options['id']}"]


def memory(options: Options) -> Options:
    """Memory that the guest's NUMA nodes, DIMMs or ivshmem use, without the host's files, huge pages and nodes."""
    share = options.get("share") in ("on", True)
    return {"qom-type": "memory-backend-memfd", "id": options["id"], "size": size(options["size"]), "share": share}


def size(text: str | int) -> int:
    """Bytes of `16M`, `4096M`, `1G`."""
    number, unit = re.fullmatch(r"(\d+)([KMGT]?)", str(text)).groups()  # type: ignore[union-attr]
    return int(number) << " KMGT".index(unit or " ") * 10


def object_(text: str, used_by_machine: frozenset[str]) -> Words:
    options = parse(text, "qom-type")
    kind = options["qom-type"]
    if kind in CONFIDENTIAL or kind == "secret" or options["id"] in used_by_machine:
        return []
    if kind == "rng-random":
        options["filename"] = "/dev/urandom"
    if kind.startswith("memory-backend-"):
        return ["-object", json.dumps(memory(options))]
    return ["-object", text if kind != "rng-random" else spell(options, "qom-type")]


def device(text: str) -> Words:
    options = parse(text, "driver")
    driver = options["driver"]
    if driver in HOST_DEVICES:
        return []
    if driver in SAME_SLOT:
        options = {"driver": SAME_SLOT[driver]} | {key: options[key] for key in ("id", "bus", "addr", "multifunction") if key in options}
    elif driver in SAME_CARD:
        options["driver"] = SAME_CARD[driver]
    elif driver.endswith("-x86_64-cpu"):
        options["driver"] = "qemu64-x86_64-cpu"
    elif driver.startswith("virtio-net"):
        options.pop("host_tunnel", None)  # QEMU 10.1
        options.pop("guest_tunnel", None)
    return ["-device", json.dumps(options) if text.startswith("{") else spell(options, "driver")]


def readconfig(text: str) -> Words:
    """The devices of qemu-server's pve-q35*.cfg and pve-usb.cfg (mapping-devices 4)."""
    name = text.rpartition("/")[2]
    if name == "pve-usb.cfg":
        devices = usb2("ehci", "ehci1", 0x1D, 1, "pci.0")
    else:
        port = "ioh3420" if name == "pve-q35.cfg" else "pcie-root-port"
        devices = q35_devices(port, "" if port == "ioh3420" else ",x-speed=16,x-width=32")
    return [word for line in devices for word in ("-device", line)]


def usb2(name: str, model: str, slot: int, first: int, bus: str) -> list[str]:
    """An EHCI controller in function 7 with its three UHCI companions in 0 to 2."""
    place = f"multifunction=on,bus={bus},addr={slot:x}"
    companions = [
        f"ich9-usb-uhci{first + n},id=uhci-{first + n},{place}.{n},masterbus={name}.0,firstport={2 * n}" for n in range(3)
    ]
    return [f"ich9-usb-{model},id={name},{place}.7", *companions]


def q35_devices(port: str, speed: str) -> list[str]:
    return [
        *usb2("ehci", "ehci1", 0x1D, 1, "pcie.0"),
        *usb2("ehci-2", "ehci2", 0x1A, 4, "pcie.0"),
        "ich9-intel-hda,id=audio0,bus=pcie.0,addr=1b.0",
        *(f"{port},id=ich9-pcie-port-{n},multifunction=on,bus=pcie.0,addr=1c.{n - 1},port={n},chassis={n}{speed}" for n in range(1, 5)),
        "i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0",
        *(f"pci-bridge,id=pci.{n},bus=pcidmi,addr={n + 1}.0,chassis_nr={n + 1}" for n in range(4)),
    ]


REWRITE: dict[str, Callable[[str], Words]] = {
    "-audiodev": lambda text: ["-audiodev", f"none,id={parse(text, 'driver')['id']}"],
    "-blockdev": blockdev,
    "-chardev": chardev,
    "-cpu": lambda _: ["-cpu", "qemu64"],
    "-device": device,
    "-drive": drive,
    "-machine": machine,
    "-netdev": lambda text: ["-netdev", f"user,id={parse(text, 'type')['id']}"],
    "-readconfig": readconfig,
}


def options_of(argv: Words) -> Iterator[tuple[str, str | None]]:
    """The options of a command line with their values; what stands before them (`taskset …`, the binary) is left out."""
    words = iter(argv)
    for word in words:
        if word.endswith("taskset"):
            for wrapped in words:
                if wrapped.endswith(("/kvm", "qemu-system-x86_64")):
                    break
        elif word.startswith("-"):
            yield word, None if word in FLAGS else next(words, None)


def startable(argv: Words) -> Words:
    """An x86 command line of qemu-server's or libvirt's, to be started paused by the QEMU here; QMP is not part of it."""
    options = list(options_of(argv))
    machine_memory = frozenset(
        parse(value or "", "type").get("memory-backend", "") for option, value in options if option == "-machine"
    )
    numa_memory = {parse(value or "", "type").get("memdev") for option, value in options if option == "-numa"}
    unused = machine_memory - {str(name) for name in numa_memory}
    out = [QEMU]
    if not any(option == "-machine" for option, _ in options):
        out += machine("type=pc")
    for option, value in options:
        if option in HOST_FLAGS or option in HOST_OPTIONS:
            continue
        if value is None:
            out.append(option)
        elif option == "-object":
            out += object_(value, unused)
        else:
            out += REWRITE[option](value) if option in REWRITE else [option, value]
    return out
