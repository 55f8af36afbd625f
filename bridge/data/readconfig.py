"""The devices of the files that qemu-server gives to -readconfig (pve-qemu-kvm 10; mapping-devices 3, 4 and 6).

File name -> devices in the file's order, each {property: value} with its `driver`.
"""

from __future__ import annotations

from .pci import PVE_USB_SLOT, Q35_BRIDGES, Q35_EHCI, Q35_HDA, Q35_PCIDMI, Q35_PORTS

Device = dict[str, str]


def _usb2(key: str, ehci: int, first: int, bus: str, slot: int) -> list[Device]:
    """An EHCI in function 7 and its three UHCI companions in 0 to 2."""
    group = [{"driver": f"ich9-usb-ehci{ehci}", "id": key, "multifunction": "on", "bus": bus, "addr": f"{slot:x}.7"}]
    for n in range(3):
        companion = {"driver": f"ich9-usb-uhci{first + n}", "id": f"uhci-{first + n}", "multifunction": "on", "bus": bus}
        group.append({**companion, "addr": f"{slot:x}.{n}", "masterbus": f"{key}.0", "firstport": str(2 * n)})
    return group


def _q35(port: Device) -> list[Device]:
    ports = [
        {**port, "id": f"ich9-pcie-port-{n + 1}", "multifunction": "on", "bus": "pcie.0", "addr": f"{slot:x}.{function}"}
        | {"port": str(n + 1), "chassis": str(n + 1)}
        for n, (slot, function) in Q35_PORTS.items()
    ]
    bridges = [
        {"driver": "pci-bridge", "id": name, "bus": bus, "addr": f"{slot:x}.0", "chassis_nr": str(slot)}
        for name, (bus, slot) in Q35_BRIDGES.items()
    ]
    return [
        *_usb2("ehci", 1, 1, "pcie.0", Q35_EHCI[0]),
        *_usb2("ehci-2", 2, 4, "pcie.0", Q35_EHCI[1]),
        {"driver": "ich9-intel-hda", "id": "audio0", "bus": "pcie.0", "addr": f"{Q35_HDA:x}.0"},
        *ports,
        {"driver": "i82801b11-bridge", "id": "pcidmi", "bus": Q35_PCIDMI[0], "addr": f"{Q35_PCIDMI[1]:x}.0"},
        *bridges,
    ]


READCONFIG: dict[str, list[Device]] = {
    "pve-usb.cfg": _usb2("ehci", 1, 1, "pci.0", PVE_USB_SLOT),
    "pve-q35.cfg": _q35({"driver": "ioh3420"}),
    "pve-q35-4.0.cfg": _q35({"driver": "pcie-root-port", "x-speed": "16", "x-width": "32"}),
}
