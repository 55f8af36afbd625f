"""qemu-server's VMID.conf: grammar, property strings, reading, writing."""
