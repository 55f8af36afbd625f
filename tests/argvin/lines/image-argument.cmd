qemu-system-x86_64 /srv/disk.qcow2 -m 1G
