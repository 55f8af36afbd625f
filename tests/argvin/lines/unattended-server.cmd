nice -n 5 qemu-system-x86_64 -name mail,debug-threads=on -uuid 7b3a9a0e-43a1-4d9b-9d4e-5a4f5f1ef0aa -daemonize -pidfile /run/mail.pid -runas nobody
-m 1536M -smp 1 -drive file=/dev/vg0/mail,format=raw,if=virtio,cache=directsync,werror=stop,rerror=stop -net nic,model=e1000,macaddr=52:54:00:77:00:04 -net tap,ifname=tap4,script=no
-device i6300esb -watchdog-action reset -serial telnet:127.0.0.1:4001,server,nowait -monitor telnet:127.0.0.1:4002,server,nowait -vnc none -no-shutdown -boot order=c,menu=on,splash-time=500
