"""Options of QEMU's command line: which have no value, and which no guest ever sees (QEMU 10.0, qemu-options.hx)."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FLAGS = _words("""
    S daemonize enable-kvm enable-sync-profile full-screen h help mem-prealloc no-acpi no-fd-bootchk no-hpet no-reboot no-shutdown
    no-user-config nodefaults nographic old-param only-migratable perfmap jitdump preconfig semihosting singlestep snapshot usb version
    alt-grab ctrl-grab curses localtime no-frame no-kvm no-kvm-irqchip no-kvm-pit no-quit nodefconfig rtc-td-hack sdl tdf
    win2k-hack xen-attach xen-domid-restrict
""")
"""Options without a value, as spelt behind the dash."""

HOST = _words("""
    S D L add-fd async-teardown audiodev chardev chroot compat d daemonize debugcon dfilter display dump-vmstate
    enable-sync-profile full-screen gdb id incoming iscsi jitdump loadstate mem-path mem-prealloc mon monitor msg name netdev
    no-shutdown no-user-config only-migratable overcommit perfmap pidfile plugin preconfig qmp qmp-pretty rotate run-with runas s sandbox
    seed snapshot spice tpmdev trace userconfig vnc xen-attach xen-domid xen-domid-restrict
""")
"""Options for the host alone: backends, monitors, displays, how the process runs. `-id` and `-loadstate` are Proxmox's own."""

PROGRAM = r"(?:qemu-)?kvm|qemu(?:-system-[a-z0-9_]+)?"
"""Names under which QEMU is installed."""
KVM_PROGRAM = _words("kvm qemu-kvm")
"""Programs that use KVM unless told otherwise."""

MEMORY_DEFAULT = 128
"""MiB without -m."""

MACHINE_DEFAULTS = {
    "acpi": "on",
    "graphics": "on",
    "hpet": "on",
    "i8042": "on",
    "kernel-irqchip": "on",
    "nvdimm": "off",
    "pit": "on",
    "sata": "on",
    "smbus": "on",
    "smm": "on",
    "usb": "off",
    "vmport": "on",
}
"""Properties of -machine and what they are if nobody says them; `auto` counts as the default too (mapping-machine 1)."""
MACHINE_HOST = _words("accel confidential-guest-support dump-guest-core mem-merge memory-backend pflash0 pflash1 suppress-vmdesc type")
"""Properties of -machine that no guest sees, or that another fact stands for."""

KEYMAP_DEFAULT = "en-us"

BOOT_DEFAULTS = {"menu": "off", "strict": "off", "reboot-timeout": "-1"}
RTC_DEFAULTS = {"base": "utc", "clock": "host", "driftfix": "none"}
ACTION_DEFAULTS = {"reboot": "reset", "panic": "shutdown", "watchdog": "reset"}
ACTION_HOST = frozenset(("shutdown",))
"""What QEMU itself does after the guest has powered off."""

GLOBAL_DEFAULTS = {
    "PIIX4_PM.disable_s3": "0",
    "PIIX4_PM.disable_s4": "0",
    "ICH9-LPC.disable_s3": "0",
    "ICH9-LPC.disable_s4": "0",
    "kvm-pit.lost_tick_policy": "delay",
    "cfi.pflash01.secure": "off",
}
"""Properties of the board's own devices that -global sets; those that machine versions changed are in BOARD_GATES."""
BOARD_GATES: dict[str, tuple[str, str, str]] = {
    "ICH9-LPC.acpi-pci-hotplug-with-bridge-support": ("acpi_hotplug", "off", "on"),
    "ICH9-LPC.noreboot": ("itco_armed", "on", "off"),
}
"""The same -> (gate of machine versions, default before it, default from there on)."""

CPU_HOST = _words("check enforce migratable")
"""Words of -cpu about starting or moving the VM: the guest's CPU is the same."""
CPU_KVM = {
    **dict.fromkeys(_words("kvm kvm-asyncpf kvm-nopiodelay kvm-pv-eoi kvm-steal-time kvmclock kvmclock-stable-bit x2apic"), "on"),
    **dict.fromkeys(_words("acpi kvm-msi-ext-dest-id monitor svm"), "off"),
}
"""What every named CPU model has under KVM if nobody says it (target/i386/kvm/kvm-cpu.c)."""
CPU_NEVER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Skylake-Client", "Skylake-Server", "Cascadelake-Server"), ("mpx",)),
    "Icelake-Server": ("mpx", "intel-pt"),
}
"""Start of a model's name -> features that libvirt switches off and the model has not (mpx: gate `mpx_gone`; mapping-machine 6.3)."""
