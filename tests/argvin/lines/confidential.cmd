qemu-system-x86_64 -enable-kvm -cpu EPYC-v4 -machine q35,vmport=off,confidential-guest-support=sev0 -smp 4,maxcpus=4 -m 4G -no-reboot -nodefaults -vga none -nographic
-drive if=pflash,format=raw,unit=0,file=/srv/sev/OVMF.fd,readonly=on -object sev-guest,id=sev0,cbitpos=51,reduced-phys-bits=1,policy=0x5
-drive file=/srv/sev/guest.qcow2,if=none,id=disk0,format=qcow2 -device virtio-scsi-pci,id=scsi0,disable-legacy=on,iommu_platform=true -device scsi-hd,drive=disk0
