#!/bin/sh
# A web server: one disk, one network card, a screen to look at when it hangs.
cd /srv/vm || exit 1
exec qemu-system-x86_64 -name web -M q35,accel=kvm -cpu host -smp 4 -m 4G -nodefaults \
    -drive file=/srv/vm/web.qcow2,if=virtio,format=qcow2,cache=none,discard=unmap \
    -nic bridge,br=br0,model=virtio-net-pci,mac=52:54:00:5a:17:0e -vga std -vnc 127.0.0.1:1
