"""What domain XML can say without telling the guest's hardware: defaults spelled out, and how the host goes about it.

Facts of libvirt 11.3 (src/qemu/qemu_command.c, docs/formatdomain.rst): a default leaves the command line as it is without it.
"""

from __future__ import annotations

_VIRTIO = {"iommu": "off", "ats": "off", "packed": "off", "page_per_vq": "off"}
_QUEUED = {**_VIRTIO, "event_idx": "on", "ioeventfd": "on"}
_PROTOCOL = {"protocol": {"type": "raw"}}

Defaults = dict[str, dict[str, str]]
"""Path below the element (empty: itself) -> attribute -> the value that says nothing."""

DEVICE_DEFAULTS: dict[str, Defaults] = {
    "disk": {
        "": {"rawio": "no", "sgio": "filtered"},
        "driver": {**_QUEUED, "cache": "default", "copy_on_read": "off", "discard_no_unref": "off"},
        "source": {"startupPolicy": "mandatory"},
        "target": {"tray": "closed", "removable": "off", "dpofua": "off"},
        "geometry": {"trans": "auto"},
    },
    "interface": {
        "": {"trustGuestRxFilters": "no"},
        "driver": {**_QUEUED, "txmode": "iothread", "rss": "off", "rss_hash_report": "off"},
        "backend": {"type": "default"},
        "rom": {"bar": "on"},
    },
    "controller": {"driver": {**_VIRTIO, "ioeventfd": "on"}},
    "memballoon": {"": {"autodeflate": "off", "freePageReporting": "off"}, "driver": _VIRTIO},
    "video": {
        "driver": {**_VIRTIO, "name": "qemu"},
        "model/acceleration": {"accel2d": "no", "accel3d": "no"},
        "model": {"blob": "off", "edid": "on"},
    },
    "graphics": {"gl": {"enable": "no"}},
    "hostdev": {"": {"display": "off", "ramfb": "off"}, "source": {"startupPolicy": "mandatory", "writeFiltering": "yes"}},
    "tpm": {"backend": {"debug": "0"}},
    "serial": _PROTOCOL,
    "parallel": _PROTOCOL,
    "console": _PROTOCOL,
    "channel": _PROTOCOL,
    "redirdev": _PROTOCOL,
}
"""Of devices, but for those that a config may not hold: their arguments are libvirt's own, word by word."""

DOMAIN_DEFAULTS: dict[str, Defaults] = {
    "features": {"ioapic": {"driver": "kvm"}, "ps2": {"state": "on"}, "async-teardown": {"enabled": "no"}},
    "memory": {"": {"dumpCore": "on"}},
}
"""Of elements of the domain."""

TIMER_DEFAULTS = {"tsc": {"mode": "native", "present": "yes"}, "rtc": {"track": "wall"}}
"""Of timers, by name: `mode` of the TSC is Xen's, and QEMU's clock is the wall's."""

HOST_ONLY = frozenset((
    "disk/driver/statistics", "disk/source@startupPolicy", "hostdev/source@startupPolicy",
    "hostdev/driver@iommufd", "hostdev/driver@iommufdId", "interface/driver@iommufd", "iommu/driver@iommufd",
    "hostdev/source@writeFiltering", "interface/filterref", "interface/backend",
    "video/driver@name", "video/driver@vgaconf", "video/model/acceleration@rendernode",
    "features/async-teardown", "features/tcg", "features/msrs", "features/kvm/dirty-ring",
    "domain/on_lockfailure", "domain/keywrap", "devices/lease", "cpu/numa/cell@memAccess", "vcpu@cpuset",
    "domain/iommufd", "domain/qemu:capabilities", "domain/qemu:deprecation", "cpu/numa/cell@discard",
    "disk/transient@shareBacking", "channel/source/clipboard@copypaste",
    # other drivers' (Xen, VMware), and what virt-v2v alone reads
    "disk/backenddomain", "interface/backenddomain", "interface/mac@type", "interface/mac@check", "disk/checksum",
    "disk/source@name",  # KubeVirt's
    # what libvirtd keeps of a running domain for itself
    "interface/actual", "disk/privateData", "disk/diskSecretsPlacement", "disk/source/privateData", "disk/source@tlsFromConfig",
    "disk/source@actualType", "hostdev/source/origstates",
))  # fmt: skip
"""The path below the domain, or below <devices> (`ELEMENT@ATTRIBUTE` for an attribute), of what only the host, its libvirtd or its
administrator acts on. Where no reader knows better, it is a note."""
