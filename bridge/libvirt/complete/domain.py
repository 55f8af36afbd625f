"""What libvirt fills in of the domain itself: memory, NUMA, boot order, CPU, IOMMU (libvirt 11.3)."""

from __future__ import annotations

import re

from ...core.rows import whole_number
from ...data.firmware import is_ovmf
from ..numa import DECIMAL, SHIFT, set_text
from ..tree.node import Node
from .draft import X86, Draft, add, child, default, told

DEFAULT_CPU = {"i686": "qemu32", "x86_64": "qemu64"}
EMULATOR_CPU = {"qemu-system-i386": "qemu32", "qemu-system-x86_64": "qemu64"}
"""CPU of QEMU's own choice by its program (TARGET_DEFAULT_CPU_TYPE)."""
MOST_VCPUS = 8192
WITHOUT_EIM = 255
"""vCPUs that a q35 can have without an IOMMU (QEMU_MAX_VCPUS_WITHOUT_EIM)."""


BLANK = ("uuid", "currentMemory", "iothreads")
"""Elements that say nothing where they are empty: libvirt reads their text by XPath."""


def blank(draft: Draft) -> None:
    root = draft.root
    empty = [node for tag in BLANK if (node := root.peek(tag)) is not None and not node.children and not node.text.strip(" \t\r\n")]
    for node in empty:
        root.children.remove(node)
        root.named = None


def numa(draft: Draft) -> None:
    """Room for memory modules makes a NUMA node; CPUs that no node has are the first one's."""
    cpu = draft.root.peek("cpu")
    cells = _cells(cpu)
    vcpus = _vcpus(draft.root)
    if not cells and draft.root.peek("maxMemory") is not None:
        total = _kib(draft.root.peek("memory"))
        modules = _modules(draft)
        if total is None or modules is None or modules > total:
            return
        cell = add(add(child(draft.root, "cpu"), "numa"), "cell", id="0", memory=str(total - modules), unit="KiB")
        cells = [cell]
        for node in draft.of("memory"):
            target = node.peek("target")
            if node.attrib.get("model") in ("dimm", "nvdimm", "virtio-mem") and target is not None and target.peek("node") is None:
                add(target, "node", "0")
    if cells and vcpus:
        _fill_cpus(cells, vcpus)


def _cells(cpu: Node | None) -> list[Node]:
    found = cpu.peek("numa") if cpu is not None else None
    return [] if found is None else [node for node in found.children if node.tag == "cell"]


def _vcpus(root: Node) -> int | None:
    node = root.peek("vcpu")
    try:
        count = whole_number(node.text.strip(" \t\r\n")) if node is not None else 1
    except ValueError:
        return None
    return count if count <= MOST_VCPUS else None


def _fill_cpus(cells: list[Node], vcpus: int) -> None:
    """virDomainNumaFillCPUsInNode."""
    masks: list[set[int]] = []
    first = 0
    for n, cell in enumerate(cells):
        if cell.attrib.get("id", str(n)) == "0":
            first = n
        ids = _ids(cell.attrib.get("cpus", ""))
        if ids is None:
            return
        masks.append(ids)
    if sum(map(len, masks)) >= vcpus:
        return
    others: set[int] = set().union(*(mask for n, mask in enumerate(masks) if n != first))
    cells[first].attrib["cpus"] = _set(sorted(set(range(vcpus)) - others))


def _ids(text: str) -> set[int] | None:
    """CPUs of a set such as `0-3,6`; None if it is none."""
    if not text:
        return set()
    plain = set_text(text, Node("cell"))
    if plain is None:
        return None
    ids: set[int] = set()
    for part in plain.split(","):
        low, _, high = part.partition("-")
        ids.update(range(int(low), int(high or low) + 1))
    return ids


def _set(ids: list[int]) -> str:
    """`0,2-3` as libvirt writes sets."""
    runs: list[list[int]] = []
    for n in ids:
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _kib(node: Node | None) -> int | None:
    """An amount of memory in KiB, rounded up; None if it is not said or none."""
    return None if node is None else _amount(node.text, node.attrib.get("unit", "KiB"))


def _amount(text: str, unit: str) -> int | None:
    factor = 1 << SHIFT[unit] if unit in SHIFT else DECIMAL.get(unit)
    try:
        return None if factor is None else -(-whole_number(text.strip(" \t\r\n")) * factor // 1024)
    except ValueError:
        return None


def _modules(draft: Draft) -> int | None:
    """Memory of all modules, in KiB."""
    total = 0
    for node in draft.of("memory"):
        target = node.peek("target")
        size = _kib(target.peek("size")) if target is not None else None
        if size is None:
            return None
        total += size
    return total


def memory(draft: Draft) -> None:
    """NUMA nodes and modules decide how much there is; a balloon cannot hold more (virDomainDefPostParseMemory)."""
    root = draft.root
    cells = _cells(root.peek("cpu"))
    node = root.peek("memory")
    if cells:
        sizes = [_amount(cell.attrib.get("memory", ""), cell.attrib.get("unit", "KiB")) for cell in cells]
        modules = _modules(draft)
        if modules is None or None in sizes:
            return
        total = sum(size for size in sizes if size is not None) + modules
        if (said := _kib(node)) != total and total:
            if node is None:
                node = add(root, "memory")
            else:
                message = f"memory of {said} KiB: NUMA nodes and modules have {total} KiB, which libvirt takes"
                draft.notes.append(("normalised", node, message))
            node.text = str(total)
            node.attrib["unit"] = "KiB"
    total_now, current = _kib(node), root.peek("currentMemory")
    if current is not None and total_now is not None and (now := _kib(current)) is not None and not 0 < now <= total_now:
        draft.notes.append(("normalised", current, f"currentMemory of {now} KiB is not what the guest can have: {total_now} KiB"))
        current.text, current.attrib["unit"] = str(total_now), "KiB"


def boot(draft: Draft) -> None:
    """Disks boot where nobody says who does (virDomainDefBootOrderPostParse)."""
    os = draft.root.peek("os")
    if os is not None and os.peek("boot") is None and not any(node.peek("boot") is not None for node in draft.devices.children):
        add(os, "boot", dev="hd")


NVRAM = "/var/lib/libvirt/qemu/nvram/"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,200}", re.ASCII).fullmatch


def nvram(draft: Draft) -> None:
    """UEFI in flash that the guest cannot write has its variables in a file of the domain's own name (qemuFirmwareEnsureNVRAM)."""
    os, name = draft.root.peek("os"), draft.root.peek("name")
    if os is None or name is None or not _FILE_NAME(name.text):
        return
    loader, file = os.peek("loader"), os.peek("nvram")
    said = loader.attrib if loader is not None else {}
    if os.attrib.get("firmware") != "efi" and said.get("type") != "pflash":
        return
    path = loader.text.strip(" \t\r\n") if loader is not None else ""
    known = not path or said.get("readonly") == "yes" or is_ovmf(path)
    if not known or said.get("readonly") == "no" or said.get("stateless") == "yes" or said.get("type") == "rom":
        return
    if file is None:
        file = add(os, "nvram")
    elif file.text.strip(" \t\r\n") or file.peek("source") is not None:
        return
    form = file.attrib.get("templateFormat") or file.attrib.get("format") or said.get("format", "raw")
    file.text = f"{NVRAM}{name.text}_VARS.{'qcow2' if form == 'qcow2' else 'fd'}"
    file.attrib["format"] = form


def cpu(draft: Draft) -> None:
    """QEMU's own model (qemuDomainDefSetDefaultCPU)."""
    node = draft.root.peek("cpu")
    if node is not None and (node.peek("model") is not None or node.attrib.get("mode", "custom") != "custom"):
        return
    model = _default_cpu(draft)
    if model is None:
        return
    node = child(draft.root, "cpu")
    node.attrib.update(mode="custom", match="exact", check="none")
    add(node, "model", model, fallback="forbid")


def _default_cpu(draft: Draft) -> str | None:
    if draft.machine == "isapc":
        return "486"
    emulators = draft.of("emulator")
    name = emulators[0].text.strip(" \t\r\n").rpartition("/")[2] if emulators else ""
    return EMULATOR_CPU.get(name, DEFAULT_CPU.get(draft.arch)) if draft.arch in X86 else None


def iommu(draft: Draft) -> None:
    """Many CPUs on q35 need an IOMMU; interrupt remapping needs the I/O APIC in QEMU (qemuDomainIOMMUDefPostParse)."""
    nodes = draft.of("iommu")
    many = draft.base == "q35" and (_vcpus(draft.root) or 0) > WITHOUT_EIM
    if many and not nodes:
        draft.add("iommu", model="intel")
    for node in draft.of("iommu"):
        if many and node.attrib.get("model") == "intel":
            driver = child(node, "driver")
            default(driver, "intremap", "on")
            default(driver, "eim", "on")
        if many or told(node.peek("driver"), "intremap") == "on":
            features = child(draft.root, "features")
            if features.peek("ioapic") is None:
                add(features, "ioapic", driver="qemu")

