qemu-system-x86_64 -M q35 -accel tcg,thread=multi -m 1G -nodefaults -display curses -device cirrus-vga
-drive file=nbd://store.example:10809/root,format=raw,if=virtio -drive file=https://boot.example/installer.iso,media=cdrom,readonly=on
-blockdev driver=rbd,pool=vms,image=scratch,node-name=scratch,server.0.host=mon1.example,server.0.port=6789 -device virtio-blk-pci,drive=scratch
-device virtio-scsi-pci,id=s -drive file=iscsi://store.example/iqn.2024-01.example:disks/3,if=none,id=lun,format=raw -device scsi-block,drive=lun,bus=s.0
