qemu-system-x86_64 -name queues -machine pc,accel=kvm -cpu host -m 8G -smp 8 -nodefaults -display none
-object iothread,id=even -object iothread,id=odd -device virtio-scsi-pci,id=slow,iothread=even
-blockdev driver=file,filename=/srv/vm/data.raw,node-name=data-file,cache.direct=on,aio=native
-blockdev driver=raw,file=data-file,node-name=data,cache.direct=on,discard=unmap
-device '{"driver":"virtio-blk-pci","id":"fast","drive":"data","num-queues":4,"serial":"DATA","iothread-vq-mapping":[{"iothread":"even","vqs":[0,2]},{"iothread":"odd","vqs":[1,3]}]}'
-blockdev driver=qcow2,node-name=system,file.driver=file,file.filename=/srv/vm/system.qcow2
-device scsi-hd,bus=slow.0,drive=system,bootindex=1
