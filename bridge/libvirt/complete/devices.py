"""Models and defaults of the smaller devices (libvirt 11.3, domain_postparse.c, qemu_postparse.c)."""

from __future__ import annotations

from ...data.schema import words
from ..tree.node import Node
from .draft import X86, Draft, add, child, default, told

CARD = {"vdpa": "virtio", "vhostuser": "virtio"}
"""Type of an interface -> the model that it has for want of another."""
MODELS = words("rtl8139 virtio e1000 e1000e igb virtio-transitional virtio-non-transitional usb-net vmxnet3")
"""Cards that libvirt knows by name, in whatever letters."""
VIRTIO_DRIVER = words("name txmode ioeventfd event_idx queues rx_queue_size tx_queue_size rss rss_hash_report")
"""What <driver> says of a virtio card alone; one queue is as none."""
OWN_BUS = {"evdev": "none", "passthrough": "virtio"}
"""Type of an <input> -> its bus."""
MEMORY = ("ram", "vram")
"""Of a graphics card: libvirt makes powers of two of them."""


def interfaces(draft: Draft) -> None:
    for node in draft.of("interface"):
        default(node, "type", "user")
        type_ = node.attrib["type"]
        if (model := node.peek("model")) is not None and (name := model.attrib.get("type", "").lower()) in MODELS:
            model.attrib["type"] = name
        if type_ != "hostdev" and not told(node.peek("model"), "type"):
            card = CARD.get(type_, "virtio" if draft.base == "virt" else "rtl8139")
            child(node, "model").attrib["type"] = card
        if type_ != "hostdev":
            _card(draft, node)


def _card(draft: Draft, node: Node) -> None:
    """An address of zeros is none, and only virtio cards have a driver (virDomainNetDefParseXML)."""
    mac, driver = node.peek("mac"), node.peek("driver")
    if mac is not None and mac.attrib.get("address", "").strip("0:") == "":
        mac.take("address")
        mac.claim()
    if driver is None or not driver.attrib:
        return
    virtio = (told(node.peek("model"), "type") or "").startswith("virtio")
    idle = [name for name in VIRTIO_DRIVER if name in driver.attrib and (not virtio or (name, driver.attrib[name]) == ("queues", "1"))]
    if idle:
        said = " ".join(f"{name}='{driver.need(name)}'" for name in idle)
        draft.notes.append(("normalised", driver, f"{said} does nothing for this card"))


def videos(draft: Draft) -> None:
    """A display has a card (virDomainDefAddImplicitVideo)."""
    if not draft.of("video") and draft.of("graphics"):
        draft.add("video")
        draft.notes.append(("ambiguous", draft.of("graphics")[0], "graphics without a <video>: libvirt adds a card"))
    for n, node in enumerate(draft.of("video")):
        model = child(node, "model")
        default(model, "type", "virtio" if draft.base == "virt" else "cirrus")
        if not n and len(draft.of("video")) == 1:
            default(model, "primary", "yes")
            if model.attrib["primary"] == "no":  # one card is always the first
                model.attrib["primary"] = "yes"
        for name in MEMORY:
            text = model.attrib.get(name, "")
            if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) & (int(text) - 1):
                model.attrib[name] = str(1 << int(text).bit_length())


def audio(draft: Draft) -> None:
    """The backend by the display; one that may use the host's own sound gets none (qemuDomainDefSuggestDefaultAudioBackend)."""
    if draft.of("audio") or not draft.of("sound"):
        return
    backend, wanted, passthrough = "none", not draft.of("graphics"), False
    for node in draft.of("graphics"):
        type_ = node.attrib.get("type")
        if type_ in ("vnc", "spice", "sdl"):
            wanted, passthrough = True, type_ == "sdl"
        if type_ in ("vnc", "spice"):
            backend = "spice" if type_ == "spice" else "none"
    if wanted and not passthrough:
        draft.add("audio", id="1", type=backend)


def tpms(draft: Draft) -> None:
    """An emulated TPM is 1.2 as TIS on x86, else 2.0 (qemuDomainTPMDefPostParse)."""
    for node in draft.of("tpm"):
        default(node, "model", "tpm-tis")
        backend = node.peek("backend")
        if backend is not None and backend.attrib.get("type") == "emulator":
            old = node.attrib["model"] == "tpm-tis" and draft.arch in X86
            default(backend, "version", "1.2" if old else "2.0")


def rngs(draft: Draft) -> None:
    for node in draft.of("rng"):
        backend = node.peek("backend")
        if backend is not None and backend.attrib.get("model") == "random" and not backend.text.strip(" \t\r\n"):
            backend.text = "/dev/random"


def watchdogs(draft: Draft) -> None:
    for node in draft.of("watchdog"):
        default(node, "action", "reset")


def inputs(draft: Draft) -> None:
    for node in draft.of("input"):
        if "bus" not in node.attrib:
            type_ = node.attrib.get("type", "")
            x86 = draft.arch in X86 and type_ in ("mouse", "keyboard")
            node.attrib["bus"] = "ps2" if x86 else OWN_BUS.get(type_, "usb")


def balloon(draft: Draft) -> None:
    if not draft.of("memballoon") and draft.arch in X86:
        draft.add("memballoon", model="virtio")


def shares(draft: Draft) -> None:
    for node in draft.of("filesystem"):
        if told(node.peek("source"), "socket") is None:
            default(node, "accessmode", "passthrough")
    for node in draft.of("shmem"):
        if told(node.peek("model"), "type") != "ivshmem-doorbell" and node.peek("size") is None:
            add(node, "size", "4", unit="M")


def throttles(draft: Draft) -> None:
    """A disk of a group without limits of its own has those of the group (virDomainDiskExpandGroupIoTune)."""
    limits: dict[str, Node] = {}
    without: list[tuple[str, Node]] = []
    for disk in draft.disks:
        tune = disk.peek("iotune")
        group = tune.peek("group_name") if tune is not None else None
        if tune is None or group is None:
            continue
        if len(tune.children) > 1:
            limits.setdefault(group.text, tune)
        else:
            without.append((group.text, tune))
    for name, tune in without:
        for limit in limits[name].children if name in limits else ():
            if limit.tag != "group_name":
                add(tune, limit.tag, limit.text, **limit.attrib)


def vsock(draft: Draft) -> None:
    for node in draft.of("vsock"):
        default(node, "model", "virtio")


def hostdevs(draft: Draft) -> None:
    for node in draft.of("hostdev"):
        default(node, "mode", "subsystem")
