qemu-system-x86_64 -hda /srv/vm/debian.qcow2
