qemu-system-x86_64 -M q35,accel=kvm -cpu host -smp 8,sockets=1,cores=4,threads=2 -m 16G -device virtio-vga-gl,max_outputs=2,hostmem=256M -display egl-headless,rendernode=/dev/dri/renderD128 -spice unix=on,addr=/run/user/1000/spice.sock,disable-ticketing=on
-audiodev spice,id=a -device ich9-intel-hda -device hda-output,audiodev=a -device virtio-keyboard-pci -device virtio-tablet-pci -usb -device usb-redir,chardev=r1 -chardev spicevmc,id=r1,name=usbredir
-hda /srv/desk/root.qcow2 -net nic,model=virtio -net user
