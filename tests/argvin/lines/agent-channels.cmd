qemu-system-x86_64 -M pc-q35-8.2,accel=kvm,vmport=off -cpu host -smp 2 -m 2G -nodefaults -device virtio-vga -display gtk
-device virtio-serial-pci,id=vs0 -chardev socket,path=/srv/a/ga.sock,server=on,wait=off,id=ga -device virtserialport,bus=vs0.0,nr=1,chardev=ga,name=org.qemu.guest_agent.0
-chardev file,id=log,path=/srv/a/log.txt -device virtserialport,bus=vs0.0,nr=2,chardev=log,name=org.example.log -device virtconsole,chardev=con -chardev pty,id=con
-device vhost-vsock-pci,guest-cid=42 -object rng-builtin,id=r -device virtio-rng-pci,rng=r,max-bytes=1024,period=1000 -device pvpanic -device vmcoreinfo
