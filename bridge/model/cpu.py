"""CPU model, flags, enlightenments and topology."""

from __future__ import annotations

from .part import Part


class CPU(Part, kw_only=True):
    cputype: str | None = None
    """As said: a built-in name, `custom-NAME`, `host`, `max`, or an abstract model (`x86-64-v2-AES`)."""
    flags: str | None = None
    """As said: `+aes;-pcid`."""
    hidden: bool | None = None
    hv_vendor_id: str | None = None
    phys_bits: str | None = None
    """`host` or a number of bits."""
    guest_phys_bits: str | None = None
    level: str | None = None
    """Number text as said, like the two above: qemu-server hands it on as it is."""
    model: str | None = None
    """What QEMU gets: `kvm64`, `qemu64`, `host`, `EPYC-Milan`, ..."""
    words: dict[str, str] | None = None
    """What follows the model on qemu-server's command line: name -> word (`aes` -> `+aes`, `kvm` -> `kvm=off`). The fields below
    say the same without QEMU's spellings; this is kept because a custom model may use any of them."""
    features: dict[str, bool] | None = None
    """CPU features on (True) or off (False), in QEMU's spelling, without those that have a field of their own."""
    hyperv: dict[str, str | bool] | None = None
    """Hyper-V enlightenments, QEMU's names without `hv_`: relaxed, vapic, spinlocks (`0x1fff`), time, vendor_id, ..."""
    kvm_off: bool | None = None
    pv_eoi: bool | None = None
    pv_unhalt: bool | None = None
    enforce: bool | None = None
    vendor: str | None = None
    migratable: bool | None = None
    runningcpu: str | None = None
    """A saved state's whole `-cpu` value; it replaces all of the above."""
    sockets: int | None = None
    cores: int | None = None
    threads: int | None = None
    dies: int | None = None
    smp: int | None = None
    vcpus: int | None = None
    """Started CPUs; None: all."""
    hotplug: bool | None = None
    """CPUs beyond the first are plugged in as devices."""
    affinity: str | None = None
    """Host CPUs for the whole VM (cpuset text)."""
    vcpupins: dict[int, str] | None = None
    emulatorpin: str | None = None
    cpulimit: str | None = None
    cpuunits: int | None = None
