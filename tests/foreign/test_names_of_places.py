"""Findings name places in words: `#4 slot 0x00.0` was how the model has a bus that libvirt numbers 4."""

from __future__ import annotations

import re

import bridge

DOMAIN = """<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory>
<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<controller type='usb' index='0' model='qemu-xhci'><address type='pci' domain='0' bus='2' slot='0' function='0'/></controller>
<interface type='bridge'><mac address='52:54:00:12:34:56'/><source bridge='vmbr0'/><model type='virtio'/>
<address type='pci' domain='0' bus='1' slot='0' function='0'/></interface>
<hub type='usb'><address type='usb' bus='0' port='1'/></hub>
<input type='tablet' bus='usb'><address type='usb' bus='0' port='2'/></input>
</devices></domain>"""


def test_a_hash_sign_stood_for_a_bus() -> None:
    messages = [finding.message for finding in bridge.convert(DOMAIN, "conf", vmid=100).findings]
    assert [message for message in messages if re.search(r"#[0-9]", message)] == []
    assert [message for message in messages if message.startswith("net0: PCI bus 1 slot 0x00.0 -> pci.")]
    assert [message for message in messages if message.startswith("tablet: USB bus 0 port 2 -> ")]
    assert [message for message in messages if message.startswith("a config has no USB hubs (bus 0 port 1)")]
