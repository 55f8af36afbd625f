qemu-system-x86_64 -enable-kvm -m 4G -smp 4 -cpu host -cdrom /srv/iso/debian-12.iso -boot d -hda /srv/vm/disk.img
