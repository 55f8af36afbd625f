#!/bin/bash
/usr/bin/qemu-system-x86_64 -name windows-11,process=windows-11 -machine q35,hpet=off,smm=on,vmport=off,accel=kvm -global kvm-pit.lost_tick_policy=discard -global ICH9-LPC.disable_s3=1 \
  -cpu host,+hypervisor,+invtsc,l3-cache=on,migratable=no,hv_passthrough -smp cores=2,threads=2,sockets=1 -m 8G -device virtio-balloon -pidfile /srv/vm/w11/w11.pid -rtc base=localtime,clock=host,driftfix=slew \
  -vga none -device qxl-vga,ram_size=65536,vram_size=65536,vgamem_mb=64 -display none -device virtio-serial-pci -spice disable-ticketing=on,port=5930,addr=127.0.0.1 \
  -device virtserialport,chardev=agent0,name=com.redhat.spice.0 -chardev spicevmc,id=agent0,name=vdagent \
  -audiodev spice,id=audio0 -device intel-hda -device hda-micro,audiodev=audio0 -device virtio-rng-pci,rng=rng0 -object rng-random,id=rng0,filename=/dev/urandom \
  -device qemu-xhci,id=spicepass -device usb-ccid -chardev spicevmc,id=ccid,name=smartcard -device ccid-card-passthru,chardev=ccid -chardev spicevmc,id=usbredirchardev1,name=usbredir -device usb-redir,chardev=usbredirchardev1,id=usbredirdev1 -chardev spicevmc,id=usbredirchardev2,name=usbredir -device usb-redir,chardev=usbredirchardev2,id=usbredirdev2 \
  -device usb-ehci,id=input -device usb-kbd,bus=input.0 -k de -device usb-tablet,bus=input.0 -device virtio-net,netdev=nic,mac=52:54:00:78:00:06 -netdev user,hostname=windows-11,hostfwd=tcp::22220-:22,smb=/home/user/Public,id=nic \
  -global driver=cfi.pflash01,property=secure,value=on -drive if=pflash,format=raw,unit=0,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd,readonly=on -drive if=pflash,format=raw,unit=1,file=/srv/vm/w11/OVMF_VARS.fd \
  -drive media=cdrom,index=0,file=/srv/vm/w11/windows-11.iso -drive media=cdrom,index=1,file=/srv/vm/w11/virtio-win.iso -drive media=cdrom,index=2,file=/srv/vm/w11/unattended.iso \
  -device ahci,id=ahci -device virtio-blk-pci,drive=SystemDisk -drive id=SystemDisk,if=none,format=qcow2,file=/srv/vm/w11/disk.qcow2 -chardev socket,id=chrtpm,path=/srv/vm/w11/w11.swtpm-sock -tpmdev emulator,id=tpm0,chardev=chrtpm -device tpm-tis,tpmdev=tpm0 \
  -monitor unix:/srv/vm/w11/w11-monitor.socket,server,nowait -serial unix:/srv/vm/w11/w11-serial.socket,server,nowait
