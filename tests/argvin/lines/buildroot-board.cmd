#!/bin/sh
IMAGES=/srv/build/images
exec qemu-system-x86_64 -M pc -kernel ${IMAGES}/bzImage -drive file=${IMAGES}/rootfs.ext2,if=virtio,format=raw \
    -append "rootwait root=/dev/vda console=tty1 console=ttyS0" -net nic,model=virtio,macaddr=52:54:00:78:00:04 -net user -serial tcp::4444,server,nowait
