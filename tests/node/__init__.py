"""A Proxmox VE node as it is: its release of qemu-server, its one QEMU, and what nobody told of it."""
