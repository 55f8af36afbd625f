"""CPU models and features: what qemu-server, QEMU and libvirt call them.

Sources: qemu-server 9.2.6 (PVE/QemuServer/CPUConfig.pm, CPUFlags.pm), QEMU's x86_cpu_initfn (aliases), libvirt 11.3's cpu_map
(which models and features it knows), mapping-machine 6.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INTEL = _words("""
    486 pentium pentium2 pentium3 coreduo core2duo Conroe Penryn Nehalem Nehalem-IBRS Westmere Westmere-IBRS SandyBridge SandyBridge-IBRS
    IvyBridge IvyBridge-IBRS Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS Broadwell Broadwell-IBRS Broadwell-noTSX
    Broadwell-noTSX-IBRS Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server Skylake-Server-IBRS
    Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5 Cascadelake-Server Cascadelake-Server-v2 Cascadelake-Server-noTSX
    Cascadelake-Server-v4 Cascadelake-Server-v5 Cooperlake Cooperlake-v2 KnightsMill Icelake-Client Icelake-Client-noTSX Icelake-Server
    Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6 Icelake-Server-v7 SapphireRapids
    SapphireRapids-v2 SapphireRapids-v3 SapphireRapids-v4 GraniteRapids GraniteRapids-v2 GraniteRapids-v3 SierraForest SierraForest-v2
    SierraForest-v3 ClearwaterForest
""")
AMD = _words("""
    athlon phenom Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 EPYC EPYC-IBPB EPYC-v3 EPYC-v4 EPYC-v5 EPYC-Rome EPYC-Rome-v2
    EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Rome-v5 EPYC-Milan EPYC-Milan-v2 EPYC-Milan-v3 EPYC-Genoa EPYC-Genoa-v2 EPYC-Turin
""")
GENERIC = frozenset(("kvm32", "kvm64", "qemu32", "qemu64", "max"))
"""Models without a vendor of their own; `host` besides, where the architecture is the host's."""
ARM = _words("a64fx cortex-a35 cortex-a53 cortex-a55 cortex-a57 cortex-a710 cortex-a72 cortex-a76 neoverse-n1 neoverse-n2 neoverse-v1 max")

VENDOR: dict[str, str] = {**dict.fromkeys(INTEL, "GenuineIntel"), **dict.fromkeys(AMD, "AuthenticAMD")}
"""x86 model -> the vendor that qemu-server forces; models without one are in GENERIC, or are `host`."""
MODELS: dict[str, frozenset[str]] = {"x86_64": INTEL | AMD | GENERIC, "aarch64": ARM}
"""Architecture -> what may be reported to the guest."""
BITS_32 = frozenset(("486", "pentium", "pentium2", "pentium3", "coreduo", "athlon", "kvm32", "qemu32"))
DEFAULT = "kvm64"
"""The model that a custom one reports if it names none."""

_V2 = ("+popcnt", "+pni", "+sse4.1", "+sse4.2", "+ssse3")
_V3 = ("+aes", *_V2, "+avx", "+avx2", "+bmi1", "+bmi2", "+f16c", "+fma", "+abm", "+movbe", "+xsave")
ABSTRACT: dict[str, tuple[str, ...]] = {
    "x86-64-v2": _V2,
    "x86-64-v2-AES": ("+aes", *_V2),
    "x86-64-v3": _V3,
    "x86-64-v4": (*_V3, "+avx512f", "+avx512bw", "+avx512cd", "+avx512dq", "+avx512vl"),
}
"""Abstract x86 models: the flags on top of ABSTRACT_BASE."""
ABSTRACT_BASE = "qemu64"

REPLACED: dict[str, str] = {"Icelake-Client": "Icelake-Server", "Icelake-Client-noTSX": "Icelake-Server-noTSX"}
"""Models that never existed -> what qemu-server gives instead."""

ALIASES: dict[str, str] = {
    "sse3": "pni",
    "pclmuldq": "pclmulqdq",
    "sse4-1": "sse4.1",
    "sse4-2": "sse4.2",
    "xd": "nx",
    "ffxsr": "fxsr-opt",
    "i64": "lm",
    "hv-apicv": "hv-avic",
}
"""Other names of features in QEMU (after `_` became `-`) -> its own."""

LIBVIRT_NAMES: dict[str, str] = {
    "cmp-legacy": "cmp_legacy",
    "ds-cpl": "ds_cpl",
    "fxsr-opt": "fxsr_opt",
    "lahf-lm": "lahf_lm",
    "nodeid-msr": "nodeid_msr",
    "perfctr-core": "perfctr_core",
    "perfctr-nb": "perfctr_nb",
    "tsc-adjust": "tsc_adjust",
    "pclmulqdq": "pclmuldq",
}
"""QEMU's name -> libvirt's, where they differ."""
QEMU_NAMES: dict[str, str] = {libvirt: qemu for qemu, libvirt in LIBVIRT_NAMES.items()}

LIBVIRT_FEATURES = _words("""
    pni pclmuldq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid fma cx16 xtpr pdcm pcid dca sse4.1 sse4.2 x2apic movbe popcnt
    tsc-deadline aes xsave osxsave avx f16c rdrand hypervisor fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36
    pn clflush ds acpi mmx fxsr sse sse2 ss ht tm ia64 pbe arat fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp-excptn-only smep bmi2 erms
    invpcid rtm cmt zero-fcs-fds mpx avx512f avx512dq rdseed adx smap avx512ifma pcommit clflushopt clwb intel-pt avx512pf avx512er
    avx512cd sha-ni avx512bw avx512vl avx512vbmi umip pku ospke waitpkg avx512vbmi2 gfni vaes vpclmulqdq avx512vnni avx512bitalg
    avx512-vpopcntdq la57 rdpid bus-lock-detect cldemote movdiri movdir64b sgxlc pks avx512-4vnniw avx512-4fmaps fsrm
    avx512-vp2intersect md-clear serialize tsx-ldtrk pconfig arch-lbr amx-bf16 avx512-fp16 amx-tile amx-int8 spec-ctrl stibp flush-l1d
    arch-capabilities core-capability ssbd sha512 sm3 sm4 avx-vnni avx512-bf16 cmpccxadd fzrm fsrs fsrc fred lkgs wrmsrns amx-fp16
    avx-ifma lam avx-vnni-int8 avx-ne-convert amx-complex avx-vnni-int16 prefetchiti avx10 intel-psfd ipred-ctrl rrsba-ctrl ddpd-u
    bhi-ctrl mcdt-no xsaveopt xsavec xgetbv1 xsaves xfd mbm_total mbm_local sgx1 sgx2 sgx-edeccssa sgx-exinfo sgx-debug sgx-mode64
    sgx-provisionkey sgx-tokenkey sgx-kss sgx-aex-notify intel-pt-lip avx10-128 avx10-256 avx10-512 lahf_lm cmp_legacy svm extapic
    cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt lwp fma4 tce cvt16 nodeid_msr tbm topoext perfctr_core
    perfctr_nb syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm 3dnowext 3dnow overflow-recov succor invtsc clzero xsaveerptr wbnoinvd
    ibpb ibrs amd-stibp stibp-always-on amd-ssbd virt-ssbd amd-no-ssb amd-psfd npt lbrv svm-lock nrip-save tsc-scale vmcb-clean
    flushbyasid decodeassists pause-filter pfthreshold avic v-vmsave-vmload vgif vnmi svme-addr-chk no-nested-data-bp
    lfence-always-serializing null-sel-clr-base auto-ibrs eraps sbpb ibpb-brtype srso-no srso-user-kernel-no perfmon-v2
    split-lock-detect rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no sbdr-ssdp-no fbsdp-no
    psdp-no fb-clear pbrsb-no gds-no rfds-no rfds-clear vmx-ins-outs vmx-true-ctls vmx-any-errcode vmx-nested-exception vmx-store-lma
    vmx-activity-hlt vmx-activity-shutdown vmx-activity-wait-sipi vmx-vmwrite-vmexit-fields vmx-zero-len-inject vmx-apicv-xapic
    vmx-ept vmx-desc-exit vmx-rdtscp-exit vmx-apicv-x2apic vmx-vpid vmx-wbinvd-exit vmx-unrestricted-guest vmx-apicv-register
    vmx-apicv-vid vmx-ple vmx-rdrand-exit vmx-invpcid-exit vmx-vmfunc vmx-shadow-vmcs vmx-encls-exit vmx-rdseed-exit vmx-pml
    vmx-xsaves vmx-tsc-scaling vmx-enable-user-wait-pause vmx-ept-execonly vmx-page-walk-4 vmx-page-walk-5 vmx-ept-uc vmx-ept-wb
    vmx-ept-2mb vmx-ept-1gb vmx-invept vmx-eptad vmx-ept-advanced-exitinfo vmx-invept-single-context vmx-invept-all-context
    vmx-invvpid vmx-invvpid-single-addr vmx-invvpid-single-context vmx-invvpid-all-context vmx-invvpid-single-context-noglobals
    vmx-intr-exit vmx-nmi-exit vmx-vnmi vmx-preemption-timer vmx-posted-intr vmx-vintr-pending vmx-tsc-offset vmx-hlt-exit
    vmx-invlpg-exit vmx-mwait-exit vmx-rdpmc-exit vmx-rdtsc-exit vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit
    vmx-cr8-store-exit vmx-flexpriority vmx-vnmi-pending vmx-movdr-exit vmx-io-exit vmx-io-bitmap vmx-mtf vmx-msr-bitmap
    vmx-monitor-exit vmx-pause-exit vmx-secondary-ctls vmx-exit-nosave-debugctl vmx-exit-load-perf-global-ctrl vmx-exit-ack-intr
    vmx-exit-save-pat vmx-exit-load-pat vmx-exit-save-efer vmx-exit-load-efer vmx-exit-save-preemption-timer vmx-exit-clear-bndcfgs
    vmx-exit-clear-rtit-ctl vmx-exit-load-pkrs vmx-exit-secondary-ctls vmx-entry-noload-debugctl vmx-entry-ia32e-mode
    vmx-entry-load-perf-global-ctrl vmx-entry-load-pat vmx-entry-load-efer vmx-entry-load-bndcfgs vmx-entry-load-rtit-ctl
    vmx-entry-load-pkrs vmx-entry-load-fred vmx-eptp-switching
""")
"""Features that libvirt 11.3 takes in <feature name=>."""

LATER_IN_QEMU = _words("""
    amd-psfd amx-complex amx-fp16 auto-ibrs avx-ifma avx-ne-convert avx-vnni-int16 avx-vnni-int8 avx10 avx10-128 avx10-256
    avx10-512 bhi-ctrl bhi-no cmpccxadd ddpd-u eraps fb-clear fbsdp-no fdp-excptn-only flush-l1d fred fsrc fsrs fzrm gds-no
    ibpb-brtype intel-psfd ipred-ctrl kvm-asyncpf-vmexit lam lfence-always-serializing lkgs mcdt-no no-nested-data-bp
    null-sel-clr-base overflow-recov pbrsb-no perfmon-v2 prefetchiti psdp-no rfds-clear rfds-no rrsba-ctrl sbdr-ssdp-no sbpb
    sgx-aex-notify sgx-edeccssa sha512 sm3 sm4 srso-no srso-user-kernel-no stibp-always-on succor vmx-any-errcode
    vmx-enable-user-wait-pause vmx-entry-load-fred vmx-exit-secondary-ctls vmx-nested-exception vnmi wrmsrns zero-fcs-fds
""")
"""Features that QEMU knows from gate `cpu_later_features` on (properties of its CPUs in 10.0, not in 7.2)."""
LATER_IN_LIBVIRT = LATER_IN_QEMU | _words("""
    vmx-ins-outs vmx-true-ctls vmx-store-lma vmx-activity-hlt vmx-activity-shutdown vmx-activity-wait-sipi
    vmx-vmwrite-vmexit-fields vmx-zero-len-inject vmx-apicv-xapic vmx-ept vmx-desc-exit vmx-rdtscp-exit vmx-apicv-x2apic vmx-vpid
    vmx-wbinvd-exit vmx-unrestricted-guest vmx-apicv-register vmx-apicv-vid vmx-ple vmx-rdrand-exit vmx-invpcid-exit vmx-vmfunc
    vmx-shadow-vmcs vmx-encls-exit vmx-rdseed-exit vmx-pml vmx-xsaves vmx-tsc-scaling vmx-ept-execonly vmx-page-walk-4
    vmx-page-walk-5 vmx-ept-uc vmx-ept-wb vmx-ept-2mb vmx-ept-1gb vmx-invept vmx-eptad vmx-ept-advanced-exitinfo
    vmx-invept-single-context vmx-invept-all-context vmx-invvpid vmx-invvpid-single-addr vmx-invvpid-single-context
    vmx-invvpid-all-context vmx-invvpid-single-context-noglobals vmx-intr-exit vmx-nmi-exit vmx-vnmi vmx-preemption-timer
    vmx-posted-intr vmx-vintr-pending vmx-tsc-offset vmx-hlt-exit vmx-invlpg-exit vmx-mwait-exit vmx-rdpmc-exit vmx-rdtsc-exit
    vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit vmx-cr8-store-exit vmx-flexpriority vmx-vnmi-pending vmx-movdr-exit
    vmx-io-exit vmx-io-bitmap vmx-mtf vmx-msr-bitmap vmx-monitor-exit vmx-pause-exit vmx-secondary-ctls vmx-exit-nosave-debugctl
    vmx-exit-load-perf-global-ctrl vmx-exit-ack-intr vmx-exit-save-pat vmx-exit-load-pat vmx-exit-save-efer vmx-exit-load-efer
    vmx-exit-save-preemption-timer vmx-exit-clear-bndcfgs vmx-exit-clear-rtit-ctl vmx-exit-load-pkrs vmx-entry-noload-debugctl
    vmx-entry-ia32e-mode vmx-entry-load-perf-global-ctrl vmx-entry-load-pat vmx-entry-load-efer vmx-entry-load-bndcfgs
    vmx-entry-load-rtit-ctl vmx-entry-load-pkrs vmx-eptp-switching
""")
"""Features that libvirt knows from gate `cpu_later` on (cpu_map of 11.3, not of 9.0)."""

KVM_CHILDREN = frozenset(("hint-dedicated", "poll-control", "pv-ipi"))
"""`kvm-NAME` of QEMU that is a child of <features><kvm>."""
HYPERV_CHILDREN = _words("""
    relaxed vapic vpindex runtime synic stimer reset frequencies reenlightenment tlbflush ipi evmcs avic emsr_bitmap xmm_input
""")
"""Children of <features><hyperv>, in libvirt's names; `time`, `spinlocks` and `vendor_id` have forms of their own."""

LATER_HYPERV = frozenset(("emsr_bitmap", "xmm_input"))
"""Those that libvirt knows from gate `hyperv_later` on."""

NEW_FLAGS = ("cet-ibt", "cet-ss", "vmx-mbec")
"""Only QEMU from gate `cpu_cet` on knows them; an older one refuses the names, and its guests have none of it."""

UNKNOWN_TO_LIBVIRT = _words("""
    SapphireRapids-v4 GraniteRapids-v3 SierraForest-v2 SierraForest-v3 ClearwaterForest EPYC-v5 EPYC-Rome-v5 EPYC-Milan-v3 EPYC-Genoa-v2
    EPYC-Turin
""")
"""qemu-server's models that libvirt 11.3 does not know."""
LATER_MODELS = frozenset(("KnightsMill", "SapphireRapids", "GraniteRapids", "SierraForest", "EPYC-Genoa"))
"""libvirt knows them from gate `cpu_later` on (cpu_map of 11.3, not of 9.0)."""
VERSIONED = frozenset(model for model in INTEL | AMD if model[-3:-1] == "-v")
"""`EPYC-v3`: libvirt knows these names from gate `cpu_versioned` on."""
LIBVIRT_SPELLS: dict[str, tuple[str, dict[str, bool]]] = {
    "cpu64-rhel6": ("kvm64", {"lahf-lm": True}),
    "pentiumpro": ("qemu32", {"pni": False}),
}
"""Models of libvirt alone -> what it gives QEMU for them."""

LIBVIRT_ADDS_MPX = _words("""
    Skylake-Client Skylake-Client-IBRS Skylake-Server Skylake-Server-IBRS Cascadelake-Server Icelake-Server
""")
"""libvirt writes mpx=off for these; machines before 4.0 had it (gate `mpx_gone`)."""
LIBVIRT_ADDS_MONITOR = frozenset(("Opteron_G3", "EPYC", "EPYC-IBPB"))
"""libvirt writes monitor=off for these; without KVM the guest would have it."""

OFF_UNDER_KVM: dict[str, frozenset[str]] = {
    "acpi": frozenset(("core2duo", "coreduo")),
    "monitor": frozenset((
        *("core2duo", "coreduo", "Denverton", "EPYC", "EPYC-Genoa", "EPYC-IBPB", "EPYC-Milan", "EPYC-Rome", "EPYC-Turin"),
        *("Opteron_G3", "phenom", "Snowridge"),
    )),
    "svm": frozenset((
        *("EPYC", "EPYC-Genoa", "EPYC-IBPB", "EPYC-Milan", "EPYC-Rome", "EPYC-Turin"),
        *("Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5", "phenom", "qemu64"),
    )),
}
"""Feature -> models that have it, and that KVM starts without it if nobody says otherwise (target/i386/kvm/kvm-cpu.c; QEMU 10.0 asked)."""
