qemu-system-x86_64 -accel kvm -accel tcg -cpu max -smp cpus=2 -m size=2048 -nographic \
  -smbios type=1,serial=ds=nocloud -drive if=virtio,file=/srv/cloud/root.qcow2 -drive if=virtio,format=raw,readonly=on,file=/srv/cloud/seed.iso \
  -device virtio-net-pci,netdev=lan -netdev user,id=lan,hostfwd=tcp:127.0.0.1:2222-:22,net=10.9.0.0/24,dhcpstart=10.9.0.20
