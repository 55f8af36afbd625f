"""Names below /dev on Linux: what is not a disk (security-rules S8)."""

from __future__ import annotations

NO_VOLUME_GROUP = (
    r"fd|pts|shm|char|block|bus|cpu|dri|input|net|snd|vfio|usb|hugepages|mqueue|infiniband|disk|dma_heap|mapper|zvol|rbd|rbd-pve|misc|vhost"
    r"|accel|bsg|virtio-ports|xen|hvc|drbd|serial|socket"
)
"""Directories below /dev that are not volume groups, as an expression."""
CHARACTER = (
    r"u?(?:mem|random)|kmem|port|kvm|null|zero|full|kmsg|oldmem|log|initctl|core|stdin|stdout|stderr|aio|tty\w*|console|ptmx|fd|mqueue|shm"
    r"|hw_?rng|rtc\d*|hpet|nvram|watchdog\d*|vfio|vhost-\w+|vsock|tun|fuse|cuse|uinput|uhid|userio|mice|psaux|snapshot|loop-control"
    r"|[\w-]+-control|autofs|vga_arbiter|ppp|rfkill|sg\d+|n?st\d+[alm]?|usbmon\d*|hidraw\d+|ipmi\d+|i2c-\d+|lp\d+|parport\d+"
    r"|cpu_dma_latency|nvidia\S*|fb\d+|video\d+|media\d+|vcs[au]?\d*|sgx_\w+|sev|tdx_guest|mei\d*|nvme\d+|nvme-fabrics|ng\d+n\d+|userfaultfd"
    r"|udmabuf|kfd|tpm(?:rm)?\d+|mtd\d+(?:ro)?|ubi\d+(?:_\d+)?|ubi_ctrl|vport\d+p\d+|hvc\d+|uio\d+|pps\d+|ptp\d+|gpiochip\d+|spidev[\d.]+"
    r"|cec\d+|iommu|acpi_thermal_rel|ecryptfs|nbd-?ctl|vboxdrv\w*|vmci|gpmctl|rpmb\S*|mmcblk\d+rpmb|raw|net|usb"
)
"""Names below /dev of character devices and links (Linux, admin-guide/devices.txt); what else is there by one name is taken for a disk,
as people who mount volumes call them what they like."""
