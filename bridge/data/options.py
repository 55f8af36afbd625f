"""Every option of a VM configuration, as qemu-server 9.2.6 declares it, plus `iothreads` of the RFC.

`OPTIONS` is keyed by the option's name; a numbered option stands under `nameN` with its highest index. `option("net3")` looks one up.
Sub-options of a property string are `fields`. A pattern must match the whole value.
qemu-server checks a top-level option without a format only by its type when a file is loaded (config-grammar 4.1);
`enum`, `pattern`, `minimum`, `maximum` and `max_length` of such options are what its API demands.
"""

from __future__ import annotations

from .schema import Field, Option, boolean_option, choice_option, enum, flag, integer, integer_option, number, words

# Drives: PVE/QemuServer/Drive.pm

_FILE = {
    "file": Field(format="pve-volume-id-or-qm-path", optional=False, default_key=True),
    "volume": Field(alias="file"),
}
_FORMAT = enum("raw qcow qed qcow2 vmdk cloop")
_SIZE = Field(format="disk-size")

_THROTTLE = {
    **{f"bps{way}": integer() for way in ("", "_rd", "_wr")},
    **{f"iops{way}{peak}": integer() for way in ("", "_rd", "_wr") for peak in ("", "_max")},
    **{f"mbps{way}{peak}": number() for way in ("", "_rd", "_wr") for peak in ("", "_max")},
    **{f"{what}{way}_max_length": integer(1) for what in ("bps", "iops") for way in ("", "_rd", "_wr")},
    **{f"{what}{way}_length": Field(alias=f"{what}{way}_max_length") for what in ("bps", "iops") for way in ("_rd", "_wr")},
}
_DRIVE = {
    **_FILE,
    "aio": enum("native threads io_uring"),
    "backup": flag(),
    "cache": enum("none writethrough writeback unsafe directsync"),
    "detect_zeroes": flag(),
    "discard": enum("ignore on"),
    "format": _FORMAT,
    "media": enum("cdrom disk", "disk"),
    "replicate": flag(True),
    "rerror": enum("ignore report stop"),
    "serial": Field(format="urlencoded", max_length=60),
    "shared": flag(False),
    "size": _SIZE,
    "snapshot": flag(),
    "werror": enum("enospc ignore report stop"),
    **_THROTTLE,
}
_IOTHREAD = {"iothread": flag()}
_MODEL = {"model": Field(format="urlencoded", max_length=120)}
_RO = {"ro": flag()}
_SSD = {"ssd": flag()}
_WWN = {"wwn": Field(pattern=r"^(0x)[0-9a-fA-F]{16}")}
_IDE = {**_DRIVE, **_MODEL, **_SSD, **_WWN}
_SCSI = {
    **_DRIVE,
    **_IOTHREAD,
    **_RO,
    **_SSD,
    **_WWN,
    "product": Field(pattern=r"[A-Za-z0-9\-_\s]{,16}"),
    "queues": integer(2),
    "scsiblock": flag(False),
    "vendor": Field(pattern=r"[A-Za-z0-9\-_\s]{,8}"),
}

# Numbers, lists of numbers, ids

_ID_LIST = r"\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*"
_UUID = r"[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"
_PCI = r"(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?"
_PCI_ID = Field(pattern=r"^0x[0-9a-fA-F]{4}$")
_USB_ID = r"(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4})"
_USB_PORT = r"(\d+)\-(\d+(\.\d+)*)"
_CPU_FLAG = r"([+-])([a-zA-Z0-9\-_\.]+)"
_PVE = r"(\+pve\d+)?"
_VERSION = r"\d+(\.\d+)+"
_MACHINE = rf"(pc|pc(-i440fx)?-{_VERSION}{_PVE}(\.pxe)?|q35|pc-q35-{_VERSION}{_PVE}(\.pxe)?|virt(?:-{_VERSION})?{_PVE})"
_BASE64 = Field(pattern=r"[A-Za-z0-9+\/]+={0,2}")
_MAPPING = Field(format="pve-configid")
_VOLUME = Field(format="pve-volume-id")

NIC_MODELS = words(
    "e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci pcnet rtl8139 virtio vmxnet3"
)
CPU_MODELS = words("""
    486 a64fx athlon Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Cascadelake-Server Cascadelake-Server-noTSX
    Cascadelake-Server-v2 Cascadelake-Server-v4 Cascadelake-Server-v5 ClearwaterForest Conroe Cooperlake Cooperlake-v2 core2duo
    coreduo cortex-a35 cortex-a53 cortex-a55 cortex-a57 cortex-a710 cortex-a72 cortex-a76 EPYC EPYC-Genoa EPYC-Genoa-v2 EPYC-IBPB
    EPYC-Milan EPYC-Milan-v2 EPYC-Milan-v3 EPYC-Rome EPYC-Rome-v2 EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Rome-v5 EPYC-Turin EPYC-v3 EPYC-v4
    EPYC-v5 GraniteRapids GraniteRapids-v2 GraniteRapids-v3 Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS host
    Icelake-Client Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5
    Icelake-Server-v6 Icelake-Server-v7 IvyBridge IvyBridge-IBRS KnightsMill kvm32 kvm64 max Nehalem Nehalem-IBRS neoverse-n1
    neoverse-n2 neoverse-v1 Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 Penryn pentium pentium2 pentium3 phenom qemu32
    qemu64 SandyBridge SandyBridge-IBRS SapphireRapids SapphireRapids-v2 SapphireRapids-v3 SapphireRapids-v4 SierraForest
    SierraForest-v2 SierraForest-v3 Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server
    Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5 Westmere Westmere-IBRS
""")
"""What `cputype` and `reported-model` may name (PVE/QemuServer/CPUConfig.pm)."""
CPU_LEVELS = words("x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4")
"""qemu-server's own models, for `cputype` only."""
VM_CPU_FLAGS = words("aes amd-no-ssb amd-ssbd hv-evmcs hv-tlbflush ibpb md-clear nested-virt pcid pdpe1gb spec-ctrl ssbd virt-ssbd")
"""The only flags that a VM's own `cpu` may set."""

OPTIONS: dict[str, Option] = {
    "acpi": boolean_option(True),
    "affinity": Option(format="pve-cpuset"),
    "agent": Option(
        fields={
            "enabled": flag(False, optional=False, default_key=True),
            "freeze-fs": flag(True),
            "freeze-fs-on-backup": Field(alias="freeze-fs"),
            "fstrim_cloned_disks": flag(False),
            "guest-fsfreeze": Field(alias="freeze-fs"),
            "type": enum("virtio isa", "virtio"),
        }
    ),
    "allow-ksm": boolean_option(True),
    "amd-sev": Option(
        fields={
            "allow-smt": flag(True),
            "kernel-hashes": flag(False),
            "no-debug": flag(False),
            "no-key-sharing": flag(False),
            "type": Field(enum=words("std es snp"), max_length=3, optional=False, default_key=True),
        }
    ),
    "arch": choice_option("x86_64 aarch64"),
    "args": Option(),
    "audioN": Option(
        max_index=0,
        fields={"device": enum("ich9-intel-hda intel-hda AC97", optional=False), "driver": enum("spice none", "spice")},
    ),
    "autostart": boolean_option(False),
    "balloon": integer_option(0),
    "bios": choice_option("seabios ovmf", "seabios"),
    "boot": Option(
        fields={
            "legacy": Field(pattern="[acdn]{1,4}", default="cdn", default_key=True),
            "order": Field(format="pve-qm-bootdev-list"),
        }
    ),
    "bootdisk": Option(format="pve-qm-bootdisk", pattern=r"(ide|sata|scsi|virtio)\d+"),
    "cdrom": Option(fields=_IDE),
    "cicustom": Option(fields={"meta": _VOLUME, "network": _VOLUME, "user": _VOLUME, "vendor": _VOLUME}),
    "cipassword": Option(),
    "citype": choice_option("configdrive2 nocloud opennebula"),
    "ciupgrade": boolean_option(True),
    "ciuser": Option(),
    "cores": integer_option(1, default=1),
    "cpu": Option(
        format="pve-vm-cpu-conf",
        fields={
            "cputype": Field(default="kvm64", default_key=True),
            "flags": Field(pattern=f"{_CPU_FLAG}(;{_CPU_FLAG})*"),
            "guest-phys-bits": integer(32, 64),
            "hidden": flag(False),
            "hv-vendor-id": Field(pattern="[a-zA-Z0-9]{1,12}"),
            "level": integer(0, 2**32 - 1),
            "phys-bits": Field(format="pve-phys-bits"),
            "reported-model": Field(enum=CPU_MODELS, default="kvm64"),
        },
    ),
    "cpulimit": Option("number", 0, minimum=0, maximum=128),
    "cpuunits": integer_option(1, 262144, "cgroup v1: 1024, cgroup v2: 100"),
    "description": Option(max_length=8192),
    "efidiskN": Option(
        max_index=0,
        fields={
            **_FILE,
            "efitype": enum("2m 4m", "2m"),
            "format": _FORMAT,
            "ms-cert": enum("2011 2023 2023w 2023k", "2011"),
            "pre-enrolled-keys": flag(False),
            "size": _SIZE,
        },
    ),
    "freeze": boolean_option(),
    "hookscript": Option(format="pve-volume-id"),
    "hostpciN": Option(
        max_index=15,
        fields={
            "host": Field(pattern=f"{_PCI}(;{_PCI})*", default_key=True),
            "device-id": _PCI_ID,
            "driver": enum("vfio keep", "vfio"),
            "legacy-igd": flag(False),
            "mapping": _MAPPING,
            "mdev": Field(pattern=r"[^/\.:]+"),
            "pcie": flag(False),
            "rombar": flag(True),
            "romfile": Field(pattern="[^,;]+"),
            "sub-device-id": _PCI_ID,
            "sub-vendor-id": _PCI_ID,
            "vendor-id": _PCI_ID,
            "x-vga": flag(False),
        },
    ),
    "hotplug": Option(format="pve-hotplug-features", default="network,disk,usb"),
    "hugepages": choice_option("any 2 1024"),
    "ideN": Option(max_index=3, fields=_IDE),
    "intel-tdx": Option(
        fields={
            "attestation": flag(True, optional=False),
            "type": enum("tdx", optional=False, default_key=True),
            "vsock-cid": integer(2, default=2),
            "vsock-port": integer(0, default=4050),
        }
    ),
    "iothreads": Option(
        since="RFC 2025-07",
        fields={"affinity": Field(format="pve-cpuset"), "iothreads": integer(1, default=0, default_key=True)},
    ),
    "ipconfigN": Option(
        max_index=31,
        fields={
            "gw": Field(format="ipv4", requires="ip"),
            "gw6": Field(format="ipv6", requires="ip6"),
            "ip": Field(format="pve-ipv4-config", default="dhcp"),
            "ip6": Field(format="pve-ipv6-config", default="dhcp"),
        },
    ),
    "ivshmem": Option(fields={"name": Field(pattern=r"[a-zA-Z0-9\-]+"), "size": integer(1, optional=False)}),
    "keephugepages": boolean_option(False),
    "keyboard": choice_option("de de-ch da en-gb en-us es fi fr fr-be fr-ca fr-ch hu is it ja lt mk nl no pl pt pt-br sv sl tr"),
    "kvm": boolean_option(True),
    "localtime": boolean_option(),
    "lock": choice_option("backup clone create migrate rollback snapshot snapshot-delete suspending suspended"),
    "machine": Option(
        fields={
            "aw-bits": number(32, 64),
            "enable-s3": flag(),
            "enable-s4": flag(),
            "type": Field(pattern=_MACHINE, max_length=40, default_key=True),
            "viommu": enum("intel virtio"),
        }
    ),
    "memory": Option(fields={"current": integer(16, default=512, optional=False, default_key=True)}),
    "migrate_downtime": Option("number", 0.1, minimum=0),
    "migrate_speed": integer_option(0, default=0),
    "name": Option(format="dns-name"),
    "nameserver": Option(format="address-list"),
    "netN": Option(
        max_index=31,
        fields={
            "model": Field(enum=NIC_MODELS, optional=False, default_key=True),
            "bridge": Field(format="pve-bridge-id"),
            "firewall": flag(),
            "host-tunnel": flag(),
            "link_down": flag(),
            "macaddr": Field(format="mac-addr"),
            "mtu": integer(1, 65520),
            "queues": integer(0, 64),
            "rate": number(0),
            "tag": integer(1, 4094),
            "trunks": Field(pattern=_ID_LIST),
            **{model: Field(alias="macaddr", key_alias="model") for model in NIC_MODELS},
        },
    ),
    "numa": boolean_option(False),
    "numaN": Option(
        max_index=7,
        fields={
            "cpus": Field(pattern=_ID_LIST, optional=False),
            "hostnodes": Field(pattern=_ID_LIST),
            "memory": number(),
            "policy": enum("preferred bind interleave"),
        },
    ),
    "onboot": boolean_option(False),
    "ostype": choice_option("other wxp w2k w2k3 w2k8 wvista win7 win8 win10 win11 l24 l26 solaris", "other"),
    "parallelN": Option(max_index=2, pattern=r"/dev/parport\d+|/dev/usb/lp\d+"),
    "protection": boolean_option(False),
    "reboot": boolean_option(True),
    "rngN": Option(
        max_index=0,
        fields={
            "max_bytes": integer(default=1024),
            "period": integer(default=1000),
            "source": enum("/dev/urandom /dev/random /dev/hwrng", optional=False, default_key=True),
        },
    ),
    "sataN": Option(max_index=5, fields={**_DRIVE, **_SSD, **_WWN}),
    "scsiN": Option(max_index=30, fields=_SCSI),
    "scsihw": choice_option("lsi lsi53c810 virtio-scsi-pci virtio-scsi-single megasas pvscsi", "lsi"),
    "searchdomain": Option(),
    "serialN": Option(max_index=3, pattern="(/dev/[^,]+|socket)"),
    "shares": integer_option(0, 50000, 1000),
    "smbios1": Option(
        max_length=512,
        fields={
            "base64": flag(),
            "uuid": Field(pattern=_UUID),
            **dict.fromkeys(words("family manufacturer product serial sku version"), _BASE64),
        },
    ),
    "smp": integer_option(1, default=1),
    "sockets": integer_option(1, default=1),
    "spice_enhancements": Option(fields={"foldersharing": flag(False), "videostreaming": enum("off all filter", "off")}),
    "sshkeys": Option(format="urlencoded"),
    "startdate": Option(pattern=r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)", default="now"),
    "startup": Option(format="pve-startup-order"),
    "tablet": boolean_option(True),
    "tags": Option(format="pve-tag-list"),
    "tdf": boolean_option(False),
    "template": boolean_option(False),
    "tpmstateN": Option(
        max_index=0, fields={**_FILE, "format": enum("raw qcow2 vmdk"), "size": _SIZE, "version": enum("v1.2 v2.0", "v1.2")}
    ),
    "unusedN": Option(max_index=255, fields={**_FILE, "file": Field(format="pve-volume-id", optional=False, default_key=True)}),
    "usbN": Option(
        max_index=13,
        fields={
            "host": Field(pattern=f"(?:(?:{_USB_ID})|(?:{_USB_PORT})|[Ss][Pp][Ii][Cc][Ee])", default_key=True),
            "mapping": _MAPPING,
            "usb3": flag(False),
        },
    ),
    "vcpus": integer_option(1, default=0),
    "vga": Option(
        fields={
            "clipboard": enum("vnc"),
            "memory": integer(4, 512),
            "type": enum(
                "cirrus qxl qxl2 qxl3 qxl4 none serial0 serial1 serial2 serial3 std virtio virtio-gl vmware", "std", default_key=True
            ),
        }
    ),
    "virtioN": Option(max_index=15, fields={**_DRIVE, **_IOTHREAD, **_RO}),
    "virtiofsN": Option(
        max_index=9,
        fields={
            "cache": enum("auto always metadata never", "auto"),
            "direct-io": flag(False),
            "dirid": Field(format="pve-configid", optional=False, default_key=True),
            "expose-acl": flag(False),
            "expose-xattr": flag(False),
        },
    ),
    "vmgenid": Option(pattern=rf"(?:{_UUID}|[01])", default="1 (autogenerated)"),
    "vmstatestorage": Option(format="pve-storage-id"),
    "watchdog": Option(
        fields={
            "action": enum("reset shutdown poweroff pause debug none"),
            "model": enum("i6300esb ib700", "i6300esb", default_key=True),
        }
    ),
}

# Not in the published schema; PVE/QemuServer.pm knows them when it loads a file.
OPTIONS |= {
    "meta": Option(internal=True, fields={"creation-qemu": Field(pattern=r"\d+(\.\d+)+"), "ctime": integer(0)}),
    "parent": Option(internal=True, format="pve-configid", max_length=40),
    "running-nets-host-mtu": Option(internal=True, pattern=r"net\d+=\d+(,net\d+=\d+)*"),
    "runningcpu": Option(internal=True, pattern=r"((?>[+-]?[\w\-\._=]+,?)+)"),
    "runningmachine": OPTIONS["machine"]._replace(internal=True),
    "snaptime": Option("integer", internal=True, minimum=0),
    "vmstate": Option(internal=True, format="pve-volume-id"),
}

FLEECING: dict[str, Option] = {"fleecing-images": Option(internal=True, format="pve-volume-id-list")}
"""The keys of `[special:fleecing]`."""

DRIVE_KINDS = words("ide scsi virtio sata efidisk tpmstate")
"""Numbered options that are drives of the VM, in the order in which qemu-server walks them; `unusedN` is none."""
DRIVES: tuple[str, ...] = tuple(f"{kind}{n}" for kind in DRIVE_KINDS for n in range((OPTIONS[f"{kind}N"].max_index or 0) + 1))


def option(key: str) -> Option | None:
    """The option that `key` sets (`cores`, `net3`), None if there is none: an index too high, or with a leading zero."""
    found = OPTIONS.get(key)
    if found is not None:
        return found if found.max_index is None else None
    name = key.rstrip("0123456789")
    index = key[len(name) :]
    found = OPTIONS.get(name + "N")
    if found is None or found.max_index is None or not index or len(index) > 3 or (index[0] == "0" and index != "0"):
        return None
    return found if int(index) <= found.max_index else None


def keys() -> list[str]:
    """Every key that a file may set, numbered ones one by one, in the table's order."""
    return [
        key
        for name, found in OPTIONS.items()
        for key in ([name] if found.max_index is None else [f"{name[:-1]}{n}" for n in range(found.max_index + 1)])
    ]

SECRETS = ("cipassword", "sshkeys")
"""Their values stand in no message, no metadata and on no command line, which others on the host can read (security-rules C9)."""
