qemu-system-x86_64 -M q35,accel=kvm,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on,device-iotlb=on -cpu host,+vmx,kvm=off -smp 4 -m 8G
-device ioh3420,id=port0,slot=0,chassis=9 -device virtio-net-pci,bus=port0,netdev=n,iommu_platform=on,ats=on,disable-legacy=on,mac=52:54:00:77:00:03 -netdev user,id=n,restrict=on
-drive file=/srv/nest/l1.qcow2,format=qcow2,if=none,id=d -device virtio-blk-pci,drive=d,iommu_platform=on,ats=on,disable-legacy=on,bootindex=0
