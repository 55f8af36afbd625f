qemu-system-x86_64 -kernel /srv/linux/bzImage -append 'root=/dev/vda console=ttyS0 nokaslr' -drive file=/srv/linux/rootfs.img,format=raw,if=virtio -nographic -m 1G -smp 2 -s -S -no-reboot
