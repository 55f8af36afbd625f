qemu-system-i386 -fda /srv/boot.img -boot a -m 16 -cpu pentium
