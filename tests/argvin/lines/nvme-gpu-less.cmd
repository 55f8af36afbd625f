qemu-system-x86_64 -M q35 -enable-kvm -cpu EPYC-Rome -smp 6,sockets=1,dies=1,cores=3,threads=2 -m 6G -nodefaults -vga none -display none -serial pty
-device pcie-root-port,id=rp1,chassis=1,slot=1 -device pcie-root-port,id=rp2,chassis=2,slot=2
-drive file=/srv/n/one.raw,if=none,id=n1,format=raw,aio=io_uring,cache=none -device nvme,drive=n1,serial=NVME0001,bus=rp1
-netdev tap,id=t0,ifname=vnet7,script=no,downscript=no,vhost=on,queues=4 -device virtio-net-pci,netdev=t0,mq=on,vectors=10,bus=rp2,mac=52:54:00:77:00:01
