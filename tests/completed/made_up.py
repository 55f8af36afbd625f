"""Made-up domains as people and tools write them: which devices there are, and little of where and how."""

from __future__ import annotations

import random
from collections.abc import Callable
from string import ascii_lowercase

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
MACHINES = ("pc-i440fx-10.0", "pc-q35-10.0", "pc-q35-10.0")
TARGETS = {"virtio": "vd", "scsi": "sd", "sata": "sd", "ide": "hd", "usb": "sd", "fdc": "fd"}
SCSI = ("", " model='auto'", " model='virtio-scsi'", " model='lsilogic'", " model='lsisas1078'", " model='vmpvscsi'",
        " model='virtio-transitional'", " model='virtio-non-transitional'")  # fmt: skip
VIRTIO = ("virtio", "virtio-transitional", "virtio-non-transitional")
MOST = 4
"""Of one kind of device."""


class Maker:
    """One domain after another, from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def domain(self) -> str:
        pick = self.random.choice
        self.machine = pick(MACHINES)
        self.q35 = "q35" in self.machine
        self.usb = self.random.random() > 0.1
        self.targets: set[str] = set()
        self.orders = iter(self.random.sample(range(1, 40), 39))
        self.boot = pick(("none", "none", "classes", "orders"))
        devices = [*self.disks(), *self.controllers()]
        for make in self.kinds():
            if self.random.random() < 0.3:
                devices += [make() for _ in range(pick((1, 1, 1, 2, MOST)))]
        devices += self.once()
        self.random.shuffle(devices)
        cpus = pick((1, 2, 4, 6))
        classes = "".join(f"<boot dev='{name}'/>" for name in self.random.sample(["hd", "cdrom", "network"], pick((1, 2, 3))))
        return (
            f"<domain type='qemu'><name>made-up</name><uuid>{UUID}</uuid>{self.memory()}<vcpu>{cpus}</vcpu>"
            f"<os><type arch='x86_64' machine='{self.machine}'>hvm</type>{classes if self.boot == 'classes' else ''}</os>"
            f"<features><acpi/><apic/></features>{self.cpu(cpus)}<devices>{''.join(devices)}</devices></domain>"
        )

    def memory(self) -> str:
        current = self.random.choice(("", "", "<currentMemory unit='MiB'>512</currentMemory>"))
        return f"<memory unit='MiB'>1024</memory>{current}"

    def cpu(self, cpus: int) -> str:
        cells = (
            f"<cpu><numa><cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1'{' cpus=' + repr('1') if cpus > 1 else ''}"
            " memory='512' unit='MiB'/></numa></cpu>"
        )
        choices = ["", "", "<cpu mode='custom' match='exact'><model>Nehalem</model></cpu>"]
        choices.append(f"<cpu><topology sockets='1' cores='{cpus}' threads='1'/></cpu>")
        return self.random.choice(choices + ([cells] if cpus > 1 else []))

    def bootable(self) -> str:
        return f"<boot order='{next(self.orders)}'/>" if self.boot == "orders" and self.random.random() < 0.5 else ""

    def disks(self) -> list[str]:
        pick = self.random.choice
        buses = ["virtio", "virtio", "scsi", "sata", "fdc" if not self.q35 else "sata", *(["ide", "ide"] if not self.q35 else [])]
        buses += ["usb"] if self.usb else []
        found: list[str] = []
        for _ in range(self.random.randint(1, 6)):
            bus = pick(buses)
            letters = ascii_lowercase[: {"ide": 4, "fdc": 2}.get(bus, 9)]
            target = TARGETS[bus] + pick(letters)
            if target in self.targets:
                continue
            self.targets.add(target)
            device = "floppy" if bus == "fdc" else "cdrom" if bus in ("ide", "sata", "scsi") and self.random.random() < 0.3 else "disk"
            named = f" bus='{bus}'" if bus in ("sata", "usb") or self.random.random() < 0.7 else ""
            source = "" if device == "cdrom" and self.random.random() < 0.4 else f"<source file='/images/{target}.img'/>"
            driver = pick(("<driver name='qemu' type='raw'/>", "<driver name='qemu' type='raw' cache='none'/>", ""))
            place = ""
            if bus == "scsi" and named and self.random.random() < 0.2:
                place = f"<address type='drive' controller='0' bus='0' target='0' unit='{9 + len(found)}'/>"
            inner = f"{driver}{source}<target dev='{target}'{named}/>{self.bootable()}{place}"
            found.append(f"<disk type='file' device='{device}'>{inner}</disk>")
        return found

    def controllers(self) -> list[str]:
        pick = self.random.choice
        found = [f"<controller type='scsi' index='{n}'{model}/>" for n, model in enumerate([pick(SCSI)] * self.random.randint(0, 2))]
        if not self.usb:
            found.append("<controller type='usb' model='none'/>")
        elif self.random.random() < 0.3:
            group = "".join(f"<controller type='usb' model='ich9-{model}'/>" for model in ("ehci1", "uhci1", "uhci2", "uhci3"))
            models = ("qemu-xhci", "nec-xhci", "piix3-uhci", "ich9-ehci1") if not self.q35 else ("qemu-xhci", "nec-xhci", "ich9-ehci1")
            found.append(pick((group, *(f"<controller type='usb' index='0' model='{model}'/>" for model in models))))
        if self.random.random() < 0.2:
            found.append("<controller type='virtio-serial' index='0'/>")
        if self.random.random() < 0.2:
            root, *bridges = ("pcie-root", "pcie-root-port", "pcie-to-pci-bridge") if self.q35 else ("pci-root", "pci-bridge", "pci-bridge")
            found.append(f"<controller type='pci' index='0' model='{root}'/><controller type='pci' model='{pick(bridges[:1])}'/>")
        return found

    def kinds(self) -> list[Callable[[], str]]:
        """Devices that there may be several of."""
        usb = [self.usb_device] * 3 if self.usb else []
        small = [self.channel, self.serial, self.sound, self.filesystem, self.rng, self.input]
        return [self.interface, self.interface, self.hostdev, *small, *usb]

    def interface(self) -> str:
        pick, number = self.random.choice, next(self.orders)
        mac = f"<mac address='52:54:00:00:00:{number:02x}'/>"
        model = pick(("", "<model type='virtio'/>", "<model type='e1000'/>", "<model type='e1000e'/>", f"<model type='{pick(VIRTIO)}'/>"))
        if self.random.random() < 0.1:
            source = f"<source><address type='pci' domain='0' bus='0x4' slot='{number % 32}' function='0'/></source>"
            return f"<interface type='hostdev'>{mac}{source}</interface>"
        kind = pick(("<interface type='user'>{}</interface>", "<interface type='bridge'><source bridge='vmbr0'/>{}</interface>"))
        return kind.format(f"{mac}{model}{self.bootable()}")

    def hostdev(self) -> str:
        number = next(self.orders)
        address = f"<source><address domain='0' bus='0x41' slot='{number % 32}' function='0'/></source>"
        return f"<hostdev mode='subsystem' type='pci' managed='yes'>{address}{self.bootable()}</hostdev>"

    def usb_device(self) -> str:
        number = next(self.orders)
        return self.random.choice((
            "<input type='tablet' bus='usb'/>",
            "<input type='tablet'/>",
            f"<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='{number:#06x}'/></source></hostdev>",
        ))  # fmt: skip

    def channel(self) -> str:
        return f"<channel type='unix'><target type='virtio' name='org.example.{next(self.orders)}'/></channel>"

    def serial(self) -> str:
        return self.random.choice(("<serial type='pty'/>", "<serial type='pty'><target type='isa-serial'/></serial>"))

    def sound(self) -> str:
        return f"<sound model='{self.random.choice(('ich6', 'ich9', 'ac97', 'es1370'))}'/>"

    def filesystem(self) -> str:
        tag = f"share{next(self.orders)}"
        return f"<filesystem type='mount'><source dir='/srv'/><target dir='{tag}'/></filesystem>"

    def rng(self) -> str:
        backend = self.random.choice(("<backend model='random'/>", "<backend model='random'>/dev/urandom</backend>"))
        return f"<rng model='{self.random.choice(VIRTIO)}'>{backend}</rng>"

    def input(self) -> str:
        return self.random.choice(("<input type='keyboard' bus='virtio'/>", "<input type='mouse'/>", "<input type='keyboard'/>"))

    def once(self) -> list[str]:
        """Devices that there is one of."""
        pick = self.random.choice
        found = [
            f"<graphics type='{pick(('vnc', 'spice'))}'/>",
            f"<video><model type='{pick(('virtio', 'qxl', 'vga', 'cirrus', 'bochs', 'none'))}'/></video>",
            f"<tpm model='tpm-{pick(('tis', 'crb'))}'><backend type='emulator'/></tpm>",
            f"<memballoon model='{pick((*VIRTIO, 'none'))}'/>",
            f"<watchdog model='{pick(('i6300esb', 'itco') if self.q35 else ('i6300esb', 'ib700'))}'/>",
            "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
            "<shmem name='shared'><model type='ivshmem-plain'/></shmem>",
            "<vsock><cid auto='yes'/></vsock>",
            "<console type='pty'/>",
            f"<panic model='{pick(('isa', 'hyperv'))}'/>",
            *(["<iommu model='intel'><driver intremap='on'/></iommu>"] if self.q35 else []),
        ]
        return [device for device in found if self.random.random() < 0.25]
