"""Properties of QEMU's devices by the type that JSON wants for them (QEMU 10.0, device-list-properties).

On a command line all values are text. A device written as JSON says `true` for a switch and a bare number for a number, and QEMU refuses
text there. One name has nearly always one type; `tests/kinds/test_raw.py` holds the tables against a QEMU.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SWITCHES = _words("""
    aer always-plugged any_layout ats big-endian-framebuffer blitter blob boot-bypass bypass_iommu caching-mode commandlog
    conditional-intr-mapping config-wce controls csum ctrl_guest_offloads ctrl_mac_addr ctrl_rx ctrl_rx_extra ctrl_vlan
    ctrl_vq data-be dbcs deflate-on-oom device-iotlb disable-acs disable-custom-mode disable-modern discard dma-drain
    dma-translation dpofua dynamic-memslots edid emergency-write eui64-default event_idx extended-state extra_mac_registers
    failover fdp force-raw force-secure-boot free-page-hint free-page-reporting fs1gp global-vmstate gso guest-reset
    guest-resets-all guest_announce guest_csum guest_ecn guest_hwcursor guest_rsc_ext guest_tso4 guest_tso6 guest_ufo
    guest_uso4 guest_uso6 hash hdm_for_passthrough host_ecn host_tso4 host_tso6 host_ufo host_uso hotplug in_order
    indirect_desc init-vet ioeventfd iommu_platform kbd-throttle mcq migratable migrate-emulated-scsi-request migrate-extra
    migrate-timadj migrate_tso_props migration-events mixer mmio modern-pio-notify mq mrg_rxbuf msix-exclusive-bar msos-desc
    multi multifunction notify_on_empty ocp old_msi_addr packed page-per-vq page-poison param_change pipeline port-power
    power_controller_present ppi prealloc pt qemu-4-0-config-size qemu-extended-regs queue_reset quirk_mode_page_apple_vendor
    quirk_mode_page_truncated quirk_mode_page_vendor_specific_apple quirk_mode_sense_rom_use_dbd ramfb readonly removable
    report-discard-granularity request-merging rss seg-max-adjust seg_max_adjust share-rw shared shpc skip-vsc-check
    snoop-control stale-tm stats status status-report suppress-remote-wake t10_pi unarmed use-disabled-flag use-intel-id
    use-pio use-started use-timer use_hcalls use_jbod venus virtio-pci-bus-master-bug-migration wakeup wheel-axis
    win2k-install-hack worker_per_virtqueue write-zeroes x-ats-page-aligned x-balloon-allowed x-buggy-eim
    x-disable-legacy-check x-disable-pcie x-do-not-expose-native-hotplug-cap x-early-migration x-enable-wce-if-config-wce
    x-flts x-igd-lpc x-igd-opregion x-ignore-backend-features x-migrate x-migrate-msix x-mtu-bypass-backend
    x-no-geforce-quirks x-no-kvm-intx x-no-kvm-ioeventfd x-no-kvm-msi x-no-kvm-msix x-no-mmap x-no-vfio-ioeventfd
    x-old-msi-offsets x-old-pci-configuration x-pasid-mode x-pci-express-writeable-slt-bug x-pcie-ari-nextfn-1
    x-pcie-deverr-init x-pcie-err-unc-mask x-pcie-ext-tag x-pcie-extcap-init x-pcie-flr-init x-pcie-lnkctl-init
    x-pcie-lnksta-dllla x-pcie-pm-init x-pcie-pm-no-soft-reset x-req x-scalable-mode x-vga xtsup zoned
""")
NUMBERS = _words("""
    acpi-index address aer_log_max aer_max_queued aerl aw-bits bandwidth base_year baudbase block-size boot_tpgt bootindex
    bootindexA bootindexB buffer bus-reserve bus_nr cad capareg channel chassis chassis_nr chmaps class cluster-id cmb_size_mb
    cmd_per_lun cmdlog core-id cpu-num cyls data data-len debug device_rev die-id disable_vnet_hdr discard_granularity dma
    dma16 dma_mask endianness eui64 events firstport freq frontend-id fruareasize fwrev1 fwrev2 guest-cid
    guest-stats-polling-interval guestdebug head heads host_mtu host_port hostaddr hostbus hostmem idx index intrs io-reserve
    io_timeout iobase iobase2 ioport iosize ipmi_version irq isobsize isobufs jacks kbd-irq label-size lcyls lheads
    log-scsi-req logical_block_size loglevel lsecs lun max-bytes max-discard-sectors max-ring-page-order
    max-write-zeroes-sectors max_cmds max_hostmem max_io_size max_ioqpairs max_outputs max_ports max_sectors max_sge
    max_unmap_size maxcurr maxframes mcl mcq-maxq mdts mem-reserve memaddr membar mfg_id min_io_size module-id mouse-irq mqes
    ms mset msix_qsize msrc mssrl node node-id nr nsid num-dc-regions num-ports num-queues num-request-queues num_queues
    numa_node nutmrs nutrs opt_io_size p2 p3 period physical_block_size pi pif pil port_index port_wwn ports pref32-reserve
    pref64-reserve product_id productid prog_if queue-size ram_size ram_size_mb readback record_size refresh_rate
    requested-size revision rombar romsize rotation_rate rsc_interval rx_queue_size sas_address scsi-id scsi_version
    sd-spec-version secs size slave_addr slot slots smart_critical_warning sn socket-id spdm_port spec_version speed
    sriov_max_vfs sriov_max_vi_per_vf sriov_max_vq_per_vf sriov_vi_flexible sriov_vq_flexible subsys_ven surfaces switch_id
    thread-id tx_queue_size uhs unit usb_version use_msg vectors vendorid version vgamem vgamem_mb virtqueue_size
    vram64_size_mb vram_size vram_size_mb vsl wwn x-device-id x-igd-gms x-intx-mmap-timeout-ms x-max-bounce-buffer-size
    x-nv-gpudirect-clique x-pci-device-id x-pci-sub-device-id x-pci-sub-vendor-id x-pci-vendor-id x-pixman
    x-scanout-vmstate-version x-txburst x-txtimer xmax xres ymax yres
""")
TEXTS = _words("""
    account-failed account-invalid addr audiodev backend backend_defaults bios-chs-trans bmc bootargs bus canbus canbus0
    canbus1 cdat cert1 cert2 cert3 chardev chardev0 chardev1 chardev2 chardev3 chardev4 chardev5 chardev6 chardev7 cryptodev
    db desc device_id disable-legacy display drive drive-type driver duplex eim enable-migration evdev failover_pair_id
    fallback fd fdtypeA fdtypeB file filter fp_start_macaddr frudatafile fsdev granule guid hba_serial hidraw host host_ip
    hostdevice hostport i8042 id initrd instanceid intremap iommufd iothread jsonfile kernel lost_tick_policy lsa mac master
    masterbus memdev model mount_tag msi msix name netdev nguid nqn osk pcap persistent-memdev pmrdev port primary-bus product
    rerror rng romfile rootdir sdrfile seqpacket serial sysfsdev tag target tpmdev tx unplugged-inaccessible uuid vdev vendor
    ver vf-token vhostdev vhostfd volatile-dc-memdev volatile-memdev werror world write-cache wwpn
    x-device-dirty-page-tracking x-igd-legacy-mode x-migration-multifd-transfer x-msix-relocation
    x-pre-copy-dirty-page-tracking x-ramfb-migrate x-speed x-width
""")

BY_DRIVER: dict[tuple[str, str], str] = {
    **{(driver, "addr"): "number" for driver in ("guest-loader", "hv-balloon", "loader", "nvdimm", "pc-dimm")},
    **{
        (driver, "port"): "number"
        for driver in _words("cxl-downstream cxl-rp cxl-upstream ioh3420 pcie-root-port x3130-upstream xio3130-downstream")
    },
    **{(driver, "streams"): "switch" for driver in ("nec-usb-xhci", "qemu-xhci", "usb-redir")},
    **{(driver, "streams"): "number" for driver in ("virtio-sound-device", "virtio-sound-pci")},
    ("e1000e", "subsys"): "number",
    ("ipmi-bmc-sim", "device_id"): "number",
    ("nvme", "subsys"): "text",
    ("sdhci-pci", "vendor"): "number",
}
"""Where one name has two types, and the tables do not have the right one."""


def type_of(driver: str, name: str) -> str | None:
    """`switch`, `number` or `text`; None if no table knows the property."""
    found = BY_DRIVER.get((driver, name))
    if found is None:
        found = "switch" if name in SWITCHES else "number" if name in NUMBERS else "text" if name in TEXTS else None
    return found
