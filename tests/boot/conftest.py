"""The libvirtd of tests/libvirtd, for the guests."""

from tests.libvirtd.conftest import daemon, libvirtd

__all__ = ["daemon", "libvirtd"]
