qemu-system-x86_64 -enable-kvm -m 2G -device qemu-xhci,id=x -drive if=none,id=stick,format=raw,file=/srv/live/stick.img -device usb-storage,bus=x.0,drive=stick,removable=on,bootindex=1
-device usb-host,vendorid=0x046d,productid=0xc52b -device usb-mouse,bus=x.0,port=3 -device usb-audio -device usb-serial,chardev=u -chardev null,id=u -drive file=/srv/live/home.qcow2,format=qcow2,if=ide,index=2
