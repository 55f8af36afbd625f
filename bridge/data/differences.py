"""What it means that a field of the VM is another one in the config than in the input: kind of finding, words, advice.

Words name `{part}`, `{field}`, `{there}` (in the input, which is called `{source}`) and `{here}` (what the config gives). A field of the
model that is in none of these tables fails a test: nothing can be lost in silence.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """`kind` is a key of `core.report.KINDS`."""

    kind: str
    words: str = "{part}: {field} is {there} in {source}, {here} in the config"
    advice: str = ""


STRUCTURAL = frozenset(("filled", "where", "key", "index", "address", "bootindex", "outline", "served_by", "queues"))
"""How the model keeps the others, and what is compared elsewhere: addresses, boot order, iothreads."""

ELSEWHERE: dict[str, frozenset[str]] = {
    "Meta": frozenset(("uuid", "title", "vmid", "ostype")),  # in smbios1, in the description; libosinfo's id is told
    "Boot": frozenset(("classes",)),  # an order of devices by now
    "Disk": frozenset(("target", "media", "format")),  # names that nobody but libvirt sees; a CD-ROM is raw
    "Source": frozenset(("kind", "format", "volid", "storage", "volume", "location", "storage_type")),  # a volume by now
    "Machine": frozenset(("base", "version", "pve", "pinned", "viommu_address")),  # all in its type
    "Firmware": frozenset(("code", "template", "efitype")),  # paths of the other host's build
    "Memory": frozenset(("pages", "static", "source")),  # said again as hugepages
    "IOThreads": frozenset(("threads", "affinity", "pool")),  # `iothreads.recognise` tells every detail
    "Net": frozenset(("network", "bridge", "openvswitch", "ifname")),
    "Raw": frozenset(("args",)),
    "Display": frozenset(("videos", "type", "memory")),  # each card is compared by itself
    "Video": frozenset(("primary",)),  # the first one
    "Security": frozenset(("cbitpos", "reduced_phys_bits")),  # the host's, which qemu-server asks it for
}
"""Fields that a config says in other words, which are told where they are made."""

SOCKET = Row("host-state", "the socket {there} of {part} is not kept: it is {here}")
DIRECT = Row("guest-lost", "a VM that is started with {field} {there} has no key in a config")
LEFT_OUT = Row("guest-lost", "{part} is left out: the config has no such device")


def _all(kind: str, fields: str) -> dict[str, Row]:
    return dict.fromkeys(fields.split(), Row(kind))


ROWS: dict[str, dict[str, Row]] = {
    "Agent": {
        "socket": SOCKET,
        **_all("guest-changed", "enabled type port"),
        **_all("host-lost", "freeze_fs fstrim_cloned_disks"),
    },
    "Audio": {**_all("guest-changed", "device"), **_all("host-lost", "driver")},
    "Balloon": {
        "free_page_reporting": Row("guest-changed", "qemu-server has no free page reporting for this machine type: one feature less"),
        "stats_period": Row("host-state", "qemu-server asks the balloon every {here} s, not every {there} s"),
        **_all("guest-changed", "present target"),
    },
    "Boot": {
        **dict.fromkeys(("kernel", "initrd", "cmdline"), DIRECT),
        **_all("guest-changed", "order legacy bootdisk menu reboot_timeout splash"),
    },
    "CPU": {
        **_all("guest-changed", "cputype flags hidden hv_vendor_id phys_bits guest_phys_bits level model words features hyperv kvm_off"),
        **_all("guest-changed", "pv_eoi pv_unhalt enforce vendor migratable runningcpu sockets cores threads dies smp vcpus hotplug"),
        **_all("host-lost", "affinity vcpupins emulatorpin cpulimit cpuunits"),
    },
    "Clock": {
        "pit_discard": Row("guest-changed", "the guest's ostype decides whether lost ticks of the PIT go: {there} in {source}, {here} now"),
        **_all("guest-changed", "localtime startdate tdf"),
    },
    "CloudInit": _all("guest-lost", "keys"),
    "Disk": {
        **_all("guest-changed", "bus ro ssd rotation_rate serial wwn model vendor product write_cache cloudinit scsiblock device_id size"),
        **_all("host-lost", "cache aio discard detect_zeroes snapshot iothread rerror werror backup replicate shared"),
        **_all("host-lost", "source throttle"),
    },
    "Display": {
        "vdagent": Row("host-lost", "the agent channel is {there} in {source}, {here} in the config"),
        "spice": Row("host-lost", "SPICE needs a qxl or virtio card in a config: the VM is shown by VNC only"),
        "egl": Row("host-lost", "egl-headless needs vga: virtio-gl in a config"),
        "foldersharing": Row("guest-lost", "the channel org.spice-space.webdav.0 comes with a qxl or virtio card only"),
        "vnc_socket": Row("host-state", "VNC socket {there} is not kept: qemu-server takes {here}"),
        "spice_port": Row("host-state", "SPICE port {there} is not kept: qemu-server takes {here}"),
        "spice_address": Row("host-state", "SPICE address {there} is not kept: qemu-server takes {here}"),
        **_all("guest-changed", "clipboard videostreaming keyboard"),
        "vnc": Row("host-lost", "without a graphics card qemu-server has no VNC server"),
    },
    "Firmware": {
        **_all("guest-changed", "bios rom secure pre_enrolled_keys ms_cert"),
        **_all("firmware-state", "fresh vars vars_size target_code target_template size format code_format"),
    },
    "HostPCI": {
        **_all("guest-changed", "host mapping ids multifunction mdev mdev_uuid pcie rombar romfile x_vga legacy_igd vendor_id device_id"),
        **_all("guest-changed", "sub_vendor_id sub_device_id"),
        **_all("host-lost", "driver enable_migration"),
    },
    "IOThreads": {},
    "IVSHMEM": _all("guest-changed", "size name"),
    "Machine": {
        **_all("guest-changed", "type running pxe arch kvm acpi enable_s3 enable_s4 hpet smm graphics pci_hotplug_bridge viommu aw_bits"),
        **_all("guest-changed", "irqchip_split hotplug itco"),
        **_all("host-lost", "allow_ksm reboot freeze emulator"),
    },
    "Memory": {
        **_all("guest-changed", "size spelled maximum slots dimms numa nodes hotplug"),
        "shared": Row("host-lost", "memory shared with other processes has no form in a config, but with virtiofs"),
        **_all("host-lost", "numa_said hugepages keephugepages shares"),
    },
    "Meta": {**_all("guest-changed", "vmgenid smbios1"), **_all("host-lost", "name description onboot template creation_qemu keys")},
    "Net": {
        **_all("guest-changed", "model macaddr mtu running_mtu host_mtu host_tunnel link_down packed rx_queue_size tx_queue_size romfile"),
        **_all("host-lost", "tag trunks rate firewall vhost hostname"),
    },
    "Parallel": {**_all("guest-changed", "port"), **_all("host-lost", "path")},
    "RNG": _all("host-lost", "source max_bytes period"),
    "Raw": {**_all("guest-lost", "words"), **_all("host-lost", "vmstate")},
    "SMBIOS": _all("guest-changed", "uuid manufacturer product version serial sku family base64"),
    "Security": _all(
        "guest-changed", "amd_sev no_debug no_key_sharing allow_smt kernel_hashes policy intel_tdx attestation vsock_cid vsock_port"
    ),
    "Serial": {"socket": SOCKET, **_all("guest-changed", "port"), **_all("host-lost", "path")},
    "Source": {
        **_all("import-needed", "path protocol name hosts importing chain"),
        **_all("host-lost", "user secret_uuid conf namespace initiator chain_snapshots discard_no_unref is_iso"),
    },
    "TPM": {
        "model": Row("guest-changed", "the TPM is a {there}; qemu-server's is always a {here}"),
        **_all("guest-changed", "version"),
        **_all("tpm-state", "size format source"),
    },
    "Tablet": _all("guest-changed", "present keyboard"),
    "Throttle": _all(
        "host-lost",
        "mbps mbps_rd mbps_wr mbps_max mbps_rd_max mbps_wr_max bps_max_length bps_rd_max_length bps_wr_max_length"
        " iops iops_rd iops_wr iops_max iops_rd_max iops_wr_max iops_max_length iops_rd_max_length iops_wr_max_length",
    ),
    "USB": {**_all("guest-changed", "host mapping usb3 vendor product hostbus hostport"), **_all("host-lost", "spice")},
    "Video": _all("guest-changed", "model vgamem ram vram max_outputs max_hostmem edid"),
    "VirtioFS": {**_all("resource-unknown", "dirid path"), **_all("host-lost", "cache direct_io expose_acl expose_xattr")},
    "Watchdog": {**_all("guest-changed", "model"), **_all("host-lost", "action")},
}
"""Part of the model -> field -> row."""
