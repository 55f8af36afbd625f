"""libvirt's embedded driver and bare QEMU, both under TCG, for tests that run things for real."""
