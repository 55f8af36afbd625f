"""A VM that runs, or whose state was saved, goes from qemu-server's QEMU into libvirt, or back."""
