"""QEMU's command line as qemu-server writes it."""
