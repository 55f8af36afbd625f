"""Domains that leave much to libvirt: what the bridge makes of them, and of libvirt's own dump of them, is one config."""
