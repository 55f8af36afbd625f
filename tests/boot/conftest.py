"""The libvirtd of tests/libvirtd, for the guests."""

from tests.libvirtd.conftest import daemons, libvirtd

__all__ = ["daemons", "libvirtd"]
