"""Raw QEMU arguments, and what a config can hold only as such."""
