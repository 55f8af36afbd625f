qemu-system-x86_64 -enable-kvm -M q35 -cpu host -smp 2 -m 512 -nographic -no-user-config -device ahci,id=disks -drive file=/srv/router/combined.img,id=d0,if=none,format=raw -device ide-hd,drive=d0,bus=disks.0
-device virtio-net-pci,netdev=lan,mac=52:54:00:78:00:01 -netdev tap,id=lan,ifname=lan0,script=no,downscript=no -device virtio-net-pci,netdev=wan,mac=52:54:00:78:00:02 -netdev bridge,id=wan,br=br-wan,helper=/usr/lib/qemu/qemu-bridge-helper
-device virtio-net-pci,netdev=mesh,mac=52:54:00:78:00:03 -netdev socket,id=mesh,mcast=230.0.0.1:1234 -watchdog-action reset -device i6300esb
