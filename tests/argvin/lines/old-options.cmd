qemu-system-x86_64 -m 512 -hda /srv/vm/disk.raw -vnc 127.0.0.1:1,password=on -net nic -net user -usbdevice tablet -localtime
