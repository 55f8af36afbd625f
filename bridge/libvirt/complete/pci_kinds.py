"""Which devices stand on a PCI bus, and on which kind of one (libvirt 11.3, qemuDomainDeviceCalculatePCIConnectFlags)."""

from __future__ import annotations

from ..tree.node import Node
from .draft import Draft, told
from .pci_buses import MODELS, Plug

PCI = Plug("pci")
PCIE = Plug("pcie")
TRANSITIONAL = "virtio-transitional"
"""Such devices work in conventional slots only."""
_VIRTIO = ("virtio", "virtio-non-transitional", None)
_PCI_SCSI = ("buslogic", "lsilogic", "lsisas1068", "vmpvscsi", "lsisas1078", "dc390", "am53c974")
_XHCI = ("nec-xhci", "qemu-xhci")
_PCI_SOUND = ("es1370", "ac97", "ich6", "ich9")
_PCI_VIDEO = ("vga", "cirrus", "vmvga", "xen", "vbox", "qxl", "parallels")
USB2 = ("ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3")


class Kinds:
    """What the devices of one machine need; None for a device that is on no PCI bus."""

    def __init__(self, draft: Draft) -> None:
        self.express = PCIE if draft.express else PCI

    def _virtio(self, model: str | None) -> Plug | None:
        if model == TRANSITIONAL:
            return PCI
        return self.express if model in _VIRTIO else None

    def controller(self, node: Node) -> Plug | None:
        type_, model = node.attrib.get("type", "ide"), node.attrib.get("model")
        if type_ == "pci":
            if model in ("pci-root", "pcie-root") or model not in MODELS:
                return None
            return Plug(model, auto=False, together=model == "pcie-root-port")
        if type_ in ("sata", "ide"):
            return PCI
        if type_ == "usb":
            return None if model == "none" else self.express if model in _XHCI else PCI
        if type_ == "scsi":
            return PCI if model in _PCI_SCSI else self._virtio("virtio" if model == "virtio-scsi" else model or "")
        return self._virtio(model) if type_ == "virtio-serial" else None

    def filesystem(self, node: Node) -> Plug | None:
        driver = told(node.peek("driver"), "type")
        if driver in (None, "path", "handle"):
            return self._virtio(node.attrib.get("model"))
        return self.express if driver == "virtiofs" else None

    def interface(self, node: Node) -> Plug | None:
        model = told(node.peek("model"), "type")
        if node.attrib.get("type") == "hostdev" or model == "usb-net":
            return None
        if model in ("e1000e", "igb", None):
            return self.express
        return self._virtio(model) or PCI

    def sound(self, node: Node) -> Plug | None:
        model = node.attrib.get("model")
        return self.express if model == "virtio" else PCI if model in _PCI_SOUND else None

    def disk(self, node: Node) -> Plug | None:
        if told(node.peek("target"), "bus") != "virtio":
            return None
        return self._virtio(node.attrib.get("model"))

    def hostdev(self, node: Node) -> Plug | None:
        """The host's device is taken for PCI Express, as libvirt does where it cannot look: nearly all are."""
        type_ = node.attrib.get("type")
        if node.tag == "interface":
            source = node.peek("source")
            return self.express if told(source.peek("address") if source else None, "type") != "usb" else None
        if type_ == "scsi_host":
            return self._virtio(node.attrib.get("model"))
        if type_ == "mdev":
            return self.express if node.attrib.get("model", "vfio-pci") == "vfio-pci" else None
        return self.express if type_ == "pci" else None

    def memballoon(self, node: Node) -> Plug | None:
        return self._virtio(node.attrib.get("model", "none"))

    def rng(self, node: Node) -> Plug | None:
        return self._virtio(node.attrib.get("model"))

    def watchdog(self, node: Node) -> Plug | None:
        return PCI if node.attrib.get("model") == "i6300esb" else None

    def video(self, node: Node) -> Plug | None:
        type_ = told(node.peek("model"), "type")
        return PCI if type_ in _PCI_VIDEO else self.express if type_ in ("virtio", "bochs") else None

    def shmem(self, _node: Node) -> Plug | None:
        return PCI

    def input(self, node: Node) -> Plug | None:
        return self._virtio(node.attrib.get("model")) if node.attrib.get("bus") == "virtio" else None

    def serial(self, node: Node) -> Plug | None:
        return PCI if told(node.peek("target"), "type") == "pci-serial" else None

    def iommu(self, node: Node) -> Plug | None:
        return self.express._replace(integrated=True) if node.attrib.get("model") == "virtio" else None

    def vsock(self, node: Node) -> Plug | None:
        return self._virtio(node.attrib.get("model"))

    def memory(self, node: Node) -> Plug | None:
        return self.express if node.attrib.get("model") in ("virtio-pmem", "virtio-mem") else None

    def crypto(self, _node: Node) -> Plug | None:
        return PCI

    def panic(self, node: Node) -> Plug | None:
        return PCI._replace(integrated=True) if node.attrib.get("model") == "pvpanic" else None

    def pstore(self, _node: Node) -> Plug | None:
        return PCI
