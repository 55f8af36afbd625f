"""QEMU's devices as a guest sees them: names, buses, properties (QEMU 10.0, `-device NAME,help` and hw/).

Only what command lines of qemu-server and libvirt, and the way they differ, ask for; `tests/diff` holds the defaults against a QEMU.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALIASES = {
    "ahci": "ich9-ahci",
    "e1000-82540em": "e1000",
    "lsi": "lsi53c895a",
    "megasas": "megasas",
    "virtio-9p": "virtio-9p-pci",
    "virtio-balloon": "virtio-balloon-pci",
    "virtio-blk": "virtio-blk-pci",
    "virtio-gpu": "virtio-gpu-pci",
    "virtio-gpu-gl": "virtio-gpu-gl-pci",
    "virtio-input-host": "virtio-input-host-pci",
    "virtio-iommu": "virtio-iommu-pci",
    "virtio-keyboard": "virtio-keyboard-pci",
    "virtio-mouse": "virtio-mouse-pci",
    "virtio-net": "virtio-net-pci",
    "virtio-rng": "virtio-rng-pci",
    "virtio-scsi": "virtio-scsi-pci",
    "virtio-serial": "virtio-serial-pci",
    "virtio-tablet": "virtio-tablet-pci",
}
"""Other name of a device -> its own (system/qdev-monitor.c)."""

SINGLE = _words("amd-iommu intel-iommu tpm-crb tpm-tis vmcoreinfo vmgenid")
"""Devices that a machine has once, at a fixed place."""

PLUGS: dict[str, str] = {
    # the bus that a device sits on, for all that is not a PCI device
    **dict.fromkeys(_words("scsi-block scsi-cd scsi-disk scsi-generic scsi-hd vhost-scsi"), "scsi"),
    **dict.fromkeys(_words("ide-cd ide-cf ide-hd"), "ide"),
    **dict.fromkeys(_words("virtconsole virtserialport"), "virtio-serial"),
    **dict.fromkeys(_words("hda-duplex hda-micro hda-output"), "hda"),
    **dict.fromkeys(
        _words("""
            usb-audio usb-bot usb-braille usb-bt-dongle usb-ccid usb-host usb-hub usb-kbd usb-mouse usb-mtp usb-net usb-redir usb-serial
            usb-storage usb-tablet usb-uas usb-wacom-tablet u2f-emulated u2f-passthru canokey
        """),
        "usb",
    ),
    **dict.fromkeys(
        _words("""
            adlib cs4231a ds1225y gus hyperv-testdev i8042 ib700 isa-applesmc isa-cirrus-vga isa-debug-exit isa-debugcon isa-fdc isa-ide
            isa-ipmi-bt isa-ipmi-kcs isa-parallel isa-serial isa-vga mc146818rtc ne2k_isa pc-testdev pvpanic sb16 sga vmmouse
        """),
        "isa",
    ),
    **dict.fromkeys(_words("ccid-card-emulated ccid-card-passthru"), "ccid"),
    **dict.fromkeys(_words("nvdimm pc-dimm"), "dimm"),
    "floppy": "floppy",
    "nvme-ns": "nvme",
    "sd-card": "sd",
}
"""A device that is in no table is taken for a PCI device."""

BUS_IS_ID = _words("""
    dmi-to-pci-bridge i82801b11-bridge ioh3420 pci-bridge pcie-pci-bridge pcie-root-port pxb pxb-pcie x3130-upstream xio3130-downstream
""")
"""Bridges: their bus has the bridge's own id for its name; buses of all others are `ID.0`, `ID.1`."""

CARRIES: dict[str, tuple[str, int]] = {
    # device -> (kind of its buses, how many it has)
    **dict.fromkeys(BUS_IS_ID, ("pci", 1)),
    **dict.fromkeys(
        _words("""
            am53c974 dc390 lsi53c810 lsi53c895a megasas megasas-gen2 mptsas1068 pvscsi usb-bot usb-storage usb-uas virtio-scsi-pci
            virtio-scsi-pci-transitional virtio-scsi-pci-non-transitional vhost-scsi-pci
        """),
        ("scsi", 1),
    ),
    **dict.fromkeys(
        _words("""
            ich9-usb-ehci1 ich9-usb-ehci2 ich9-usb-uhci1 ich9-usb-uhci2 ich9-usb-uhci3 ich9-usb-uhci4 ich9-usb-uhci5 ich9-usb-uhci6
            nec-usb-xhci pci-ohci piix3-usb-uhci piix4-usb-uhci qemu-xhci usb-ehci vt82c686b-usb-uhci
        """),
        ("usb", 1),
    ),
    **dict.fromkeys(
        ("virtio-serial-pci", "virtio-serial-pci-transitional", "virtio-serial-pci-non-transitional"), ("virtio-serial", 1)
    ),
    "ich9-ahci": ("ide", 6),
    "piix3-ide": ("ide", 2),
    "piix4-ide": ("ide", 2),
    "intel-hda": ("hda", 1),
    "ich9-intel-hda": ("hda", 1),
    "usb-ccid": ("ccid", 1),
    "isa-fdc": ("floppy", 1),
    "nvme": ("nvme", 1),
    "sdhci-pci": ("sd", 1),
}

USB_PORTS = {"uhci": 2, "ehci": 6, "ohci": 3, "hub": 8}
"""Ports of a USB controller by a part of its name; an xHCI has as many as the greater of p2 and p3."""
XHCI_PORTS, MOST_XHCI_PORTS = 4, 15
LAST_DIMM_SLOT = 255

HOST = _words("""
    account-failed account-invalid audiodev backend_defaults boundaries bootindex chardev drive fd iommufd ioeventfd iothread
    iothread-vq-mapping isobsize isobufs loglevel memdev name-of-backend netdev page-per-vq pipeline rng share-rw stats-intervals tpmdev
    tx vhost vhost-scsi vhostfd vhostfds vhostforce x-txburst x-txtimer
""")
"""Properties that no guest sees: backends, threads, host resources. Boot order and memory sizes are facts of their own."""
PLACED: dict[str, frozenset[str]] = {
    "pci": _words("addr bus"),
    "usb": _words("bus port"),
    "scsi": _words("bus channel lun scsi-id"),
    "ide": _words("bus unit"),
    "virtio-serial": _words("bus nr"),
    "hda": _words("bus cad"),
    "isa": _words("bus index"),
    "dimm": _words("addr slot"),
    "cpu": _words("core-id die-id cluster-id module-id node-id socket-id thread-id"),
}

TEXT = _words("""
    device_id guid hostport host_device mac model name product romfile serial serialnumber sysfsdev tag ver vendor
""")
"""Properties whose value is text: `0x10` there is no number."""
IDENTITY = _words("device_id eui64 guid mac model name product serial tag uuid ver vendor wwn")
"""Properties by which a guest names a device, or an application knows its host."""
CASELESS = _words("guid host mac sysfsdev")
FILES = _words("romfile")
"""Properties that name a file: its base name stands for its contents."""
MEBIBYTES = {"ram_size_mb": "ram_size", "vram_size_mb": "vram_size"}
"""QXL: property in MiB -> the same in bytes."""
BUSES = frozenset(("masterbus",))
"""Properties that name a bus."""
BOTH_SAY = _words("hostaddr hostbus hostport productid vendorid")
"""Ways to find a USB device of the host: two command lines that use different ones may mean the same device (mapping-devices 6.2)."""

_PCI = {"multifunction": "off", "rombar": "1"}
_VIRTIO = {"ats": "off", "iommu_platform": "off", "packed": "off"}
_FRONT = {"rerror": "report", "werror": "enospc", "write-cache": "on"}
_DISK = {**_FRONT, "wwn": "0"}
_QXL = {"max_outputs": "0", "ram_size": "67108864", "vgamem_mb": "16", "vram64_size_mb": "0", "vram_size": "67108864"}
_GPU = {"blob": "off", "edid": "on", "max_hostmem": "268435456", "max_outputs": "1"}

DEFAULTS: dict[str, dict[str, str]] = {
    "e1000": _PCI,
    "hda-duplex": {"mixer": "on"},
    "hda-micro": {"mixer": "on"},
    "hda-output": {"mixer": "on"},
    "ich9-usb-uhci1": {"firstport": "0"},
    "ich9-usb-uhci4": {"firstport": "0"},
    "ide-cd": _DISK,
    "ide-hd": {**_DISK, "rotation_rate": "0"},
    "intel-iommu": {"caching-mode": "off", "device-iotlb": "off"},
    "ivshmem-plain": {"master": "off"},
    "nec-usb-xhci": {"p2": "4", "p3": "4"},
    "pc-dimm": {"node": "0"},
    "pcie-root-port": {"chassis": "0", "hotplug": "on", "port": "0"},
    "qemu-xhci": {"p2": "4", "p3": "4"},
    "qxl": _QXL,
    "qxl-vga": _QXL,
    "scsi-block": {"rerror": "report", "werror": "enospc"},
    "scsi-cd": _DISK,
    "scsi-hd": {**_DISK, "removable": "off", "rotation_rate": "0"},
    "usb-tablet": {"usb_version": "2"},
    "vfio-pci": {"display": "off", "enable-migration": "auto", "ramfb": "off", "x-vga": "off"},
    "VGA": {"vgamem_mb": "16"},
    "vhost-user-fs-pci": {"num-request-queues": "1", "queue-size": "128"},
    "virtio-balloon-pci": {"deflate-on-oom": "off", "free-page-reporting": "off"},
    "virtio-blk-pci": {**_FRONT, "discard": "on"},
    "virtio-gpu-pci": _GPU,
    "virtio-net-pci": {"host_mtu": "0", "mq": "off", "rx_queue_size": "256", "tx_queue_size": "256"},
    "virtio-rng-pci": {"max-bytes": "9223372036854775807", "period": "65536"},
    "virtio-scsi-pci": {"hotplug": "on"},
    "virtio-serial-pci": {"max_ports": "31"},
    "virtio-vga": _GPU,
    "virtio-vga-gl": _GPU,
    "vmware-svga": {"vgamem_mb": "16"},
}
"""Device -> properties that are this if nobody says them, on every machine version. `auto` stands here as what it comes to."""
VERSIONED: dict[tuple[str, str], tuple[str, str]] = {
    ("VGA", "edid"): ("edid", "on"),
    ("pcie-root-port", "x-speed"): ("pcie_root_port", "16"),
    ("pcie-root-port", "x-width"): ("pcie_root_port", "32"),
}
"""(device, property) -> (gate of machine versions, default from there on)."""


def defaults(driver: str) -> dict[str, str]:
    """Properties of a device -> what they are if nobody says them."""
    known = DEFAULTS.get(driver, {})
    if PLUGS.get(driver, "pci") != "pci" or driver in SINGLE:
        return known
    return {**_PCI, **(_VIRTIO if driver.startswith(("virtio-", "vhost-")) else {}), **known}
