qemu-system-x86_64 -machine q35,accel=kvm,memory-backend=ram0 -cpu host -m 4G,slots=4,maxmem=32G -smp 2,maxcpus=8 -no-user-config -nodefaults -display none
-object memory-backend-memfd,id=ram0,size=4G,share=on,hugetlb=on,hugetlbsize=2M -object memory-backend-ram,id=dimm0,size=1G -device pc-dimm,id=d0,memdev=dimm0
-netdev tap,id=vn0,ifname=hot0,script=no,downscript=no,vhost=on,queues=2 -device virtio-net-pci,netdev=vn0,mq=on,mac=52:54:00:77:00:02
-chardev socket,id=vu1,path=/run/vu/blk0.sock -device vhost-user-blk-pci,chardev=vu1,num-queues=2
