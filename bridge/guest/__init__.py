"""What a guest sees of its machine: read from a command line, compared with another, or asked of QEMU itself.

It does not see ids, aliases, backends and the host's part of a device (mapping-devices 1, R3); it sees slots, chassis numbers,
LUNs, ports, the default SCSI id (R4) and the order of booting.
"""
