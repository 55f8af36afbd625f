kvm -m 2048 -drive file=/srv/vm/a.qcow2,if=virtio,cache=none,format=qcow2 -nic user,model=virtio-net-pci,hostfwd=tcp::2222-:22 -nographic
