"""Elements of domain XML: which names libvirt knows, and which of them a parent may hold once."""

from __future__ import annotations

from .schema import words

KNOWN = frozenset(words("""
    acceleration access acpi active_pcr_banks adapter add address aia alias alignsize allocation apic arch arg async-teardown audio
    audit_control audit_write auth avic backend backenddomain backingStore bandwidth baseBoard baselabel binary bios blkiotune block
    block_suspend blockio boot bootloader bootloader_args bootmenu cache cachetune capabilities catchup cbitpos ccf-assist cell
    certificate cfpc channel char chassis chown cid cipher clipboard clock clusterSize cmdline coalesce codec commandline compat
    config console controller cookie cookies counter cpu cputune crypto current currentMemory dac_override dac_read_search dataStore
    database datacenterpath defaultiothread del deprecation description device devices dhCert direct dirty-ring discard disk distances
    domain downscript driver dtb e820_host emsr_bitmap emulator emulator_period emulator_quota emulatorpin emulatorsched encryption
    entry env event evmcs extended extended_l2 feature features fibrechannel filesystem filetransfer filterref firmware format fowner
    frames frequencies frontend fsetid genid geometry gic gid gl global_period global_quota graphics group group_name guest
    guestVisibleWorkarounds handle hap hard_limit hidden hint-dedicated host hostData hostdev hpt htm hub hugepages hyperv ibs idAuth
    idBlock identity idmap image imagelabel inactiveDomain inbound init initarg initdir initenv initgroup initiator initrd inituser
    input interconnects interface ioapic iommu iothread iothread_period iothread_quota iothreadids iothreadpin iothreads iothreadsched
    iotune ip ipc_lock ipc_owner ipi iqn ivgen jpeg kernel key keywrap kill knownHosts kvm label latency launchSecurity lazy_refcounts
    lease line link linux_immutable listen loader local lock locked lockspace log mac mac_admin mac_override master maxMemory max_size
    maxpagesize maxphysaddr memballoon memnode memory memoryBacking memorytune memtune metadata metadata_cache microcode min_guarantee
    mirror mknod mode model monitor mouse msi msrs mtu name namespace nested-hv net_admin net_bind_service net_broadcast net_raw node
    nodemask nonpae nosharepages numa numatune nvram oemStrings on_crash on_lockfailure on_poweroff on_reboot openfiles os outbound
    output override owner pae page pages pagesize panic parallel parameters parentaddr partition passthrough path pcihole64 perf
    period permissions playback pm pmem pmu policy poll poll-control port portForward privateData privnet product profile property
    protocol ps2 pstore pv-ipi pvspinlock queue quota range ras rate read_bytes_sec read_bytes_sec_max read_bytes_sec_max_length
    read_iops_sec read_iops_sec_max read_iops_sec_max_length readahead readonly reconnect redirdev redirfilter reducedPhysBits
    reenlightenment relaxed requested reservations reset resolution resource rng rom root route runtime rx sandbox sbbc script
    seclabel secret serial server session setfcap setgid setpcap settings setuid sha1 sha256 sha384 sha512 shareable shareipc sharenet
    shares shareuts shim shmem sibling signature size size_iops_sec slice slices smartcard smbios smm snapshot sndbuf soft_limit sound
    source space_hard_limit space_soft_limit spinlocks ssl stats stimer streaming suspend-to-disk suspend-to-mem svm swap_hard_limit
    synic sys_admin sys_boot sys_chroot sys_module sys_nice sys_pacct sys_ptrace sys_rawio sys_resource sys_time sys_tty_config
    sysinfo syslog system table tag target tb-cache tcg teaming thread_pool throttlefilter throttlefilters throttlegroup
    throttlegroups timeout timer title tlbflush topology total_bytes_sec total_bytes_sec_max total_bytes_sec_max_length total_iops_sec
    total_iops_sec_max total_iops_sec_max_length tpm transient tseg tune tx type uid usbdev usecs uuid vapic vcpu vcpupin vcpus
    vcpusched vendor vendor_id video viridian virtualport vlan vmcoreinfo vmport vmx vpindex vsock wake_alarm watchdog weight
    write_bytes_sec write_bytes_sec_max write_bytes_sec_max_length write_iops_sec write_iops_sec_max write_iops_sec_max_length wwn xen
    xmm_input zlib zpci
    bin energytune granule hwuuid iommufd latency-histogram mrConfigId mrOwner mrOwnerConfig quoteGenerationService statistic statistics
    varstore virtualization
"""))
"""Every element name of libvirt's domain schema (domain.rng of libvirt 11.3 and what it includes), and what came up to 12.8."""

ALL = frozenset(("*",))
"""In ONCE: every name."""

ONCE: dict[str, frozenset[str]] = {
    "domain": frozenset(words("""
        name uuid hwuuid genid title description metadata memory currentMemory maxMemory memoryBacking memtune numatune blkiotune cputune
        vcpu vcpus iothreads iothreadids defaultiothread resource os features cpu clock pm perf on_poweroff on_reboot on_crash
        on_lockfailure
        keywrap idmap bootloader bootloader_args throttlegroups devices launchSecurity
        qemu:override qemu:capabilities qemu:deprecation
    """)),
    "os": frozenset(words("type loader nvram kernel initrd cmdline dtb shim bootmenu smbios bios acpi firmware")),
    "features": ALL,
    "hyperv": ALL,
    "kvm": ALL,
    "pm": ALL,
    "memoryBacking": ALL,
    "memtune": ALL,
    "iotune": ALL,
    "cpu": frozenset(words("model vendor topology cache maxphysaddr numa")),
    "cputune": frozenset(words("""
        shares period quota global_period global_quota emulator_period emulator_quota iothread_period iothread_quota emulatorpin
        emulatorsched
    """)),
    "devices": frozenset(words("emulator memballoon vmcoreinfo nvram")),
}  # fmt: skip
"""Parent -> children that libvirt takes once; of a second one it takes no notice (security-rules S13). <qemu:commandline> may be there
several times: libvirt joins them."""

DEVICE_ONCE = frozenset(words("""
    acceleration address alias auth backend backingStore bandwidth binary blockio boot coalesce driver encryption filterref geometry guest
    iotune link mac mirror model mtu product protocol rate readonly rom script serial shareable size stats target teaming transient tune
    vendor virtualport vlan wwn
"""))
"""The same for the children of every device."""
SOURCE_ONCE = frozenset(("disk", "filesystem", "hostdev", "interface"))
"""Devices with one <source>; a character device by UDP has two."""
