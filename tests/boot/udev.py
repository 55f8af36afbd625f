"""Names that udev (systemd 252) makes of what sysfs says: /dev/disk/by-id and predictable NIC names."""

from __future__ import annotations

import re


def block_names(block: dict[str, str]) -> dict[str, str]:
    """Disk, by its place -> its names in /dev/disk/by-id (60-persistent-storage.rules, scsi_id, ata_id)."""
    names = {}
    for place in [key for key in block if " " not in key]:

        def said(attribute: str, place: str = place) -> str:
            return block.get(f"{place} {attribute}", "")

        if "/virtio/block" in place:
            made = [f"virtio-{underscored(said('serial'))}"] if said("serial") else []
        elif "/ata" in place:
            made = ata_names(said("device/vpd_pg89"), said("identity"))
        else:
            made = scsi_names(said("device/vpd_pg83"), said("device/vpd_pg80"), said("device/vendor"), said("device/model"))
        names[place] = " ".join(made)
    return names


def underscored(text: str) -> str:
    """White space at the ends goes, runs of it become one underscore, as util_replace_whitespace does."""
    return re.sub(r"[ \t\r\n]+", "_", text.strip())


def ata_names(page: str, identity: str) -> list[str]:
    """`ata-MODEL_SERIAL`, and `wwn-0x…` if it has one. Page 89 holds the answer to IDENTIFY from byte 60."""
    if page:
        words = bytes.fromhex(page)[60:]
        text = bytes(words[i ^ 1] for i in range(len(words)))
        serial, model = text[20:40].decode("latin-1"), text[54:94].decode("latin-1")
    else:
        model, serial, _ = (identity + "||").split("|")[:3]
    if not model.strip():
        return []
    return [f"ata-{underscored(model)}_{underscored(serial)}" if serial.strip() else f"ata-{underscored(model)}"]


def scsi_names(page83: str, page80: str, vendor: str, model: str) -> list[str]:
    """`scsi-…` of the best designator, `wwn-…` of a NAA one: the order of scsi_id (id_search_list)."""
    names: list[str] = []
    designators = designators_of(bytes.fromhex(page83))
    for kind, codes, prefix in ((3, 1, "3"), (2, 1, "2"), (1, 2, "1"), (0, 2, "0")):
        for code, type_, data in designators:
            if type_ == kind and code == codes:
                text = data.hex() if code == 1 else data.decode("latin-1")
                if kind == 0:
                    text = f"{vendor:8}{model:16}{text}"
                names.append(f"scsi-{prefix}{underscored(text)}")
                if kind == 3:
                    names.append(f"wwn-0x{text}")
                break
        if names:
            break
    serial = bytes.fromhex(page80)[4:].decode("latin-1")
    if serial.strip():
        names.append(f"scsi-S{underscored(vendor)}_{underscored(model)}_{underscored(serial)}")
    return names


def designators_of(page: bytes) -> list[tuple[int, int, bytes]]:
    """(code set, type, bytes) of the designators of a logical unit in VPD page 0x83."""
    found, at = [], 4
    while at + 4 <= len(page):
        code, flags, length = page[at] & 0xF, page[at + 1], page[at + 3]
        if flags >> 4 & 3 == 0:
            found.append((code, flags & 0xF, page[at + 4 : at + 4 + length].rstrip(b"\0")))
        at += 4 + length
    return found


def net_names(net: dict[str, str], slots: dict[str, str]) -> dict[str, str]:
    """NIC, by its place -> onboard, slot, path and MAC name (udev-builtin-net_id; a slot that shares its number is none)."""
    by_address = {address: path.split("/")[-2] for path, address in slots.items()}
    names = {}
    for place in [key for key in net if " " not in key]:
        functions = re.findall(r"([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", place)
        domain, bus, slot, function = functions[-1]
        made = []
        index = net.get(f"{place} device/acpi_index")
        if index:
            made.append(f"eno{index}")
        hotplug = by_address.get(f"{domain}:{bus}:{slot}")
        if hotplug is not None and hotplug.isdigit():
            made.append(f"ens{hotplug}" + (f"f{function}" if function != "0" else ""))
        made.append(f"enp{int(bus, 16)}s{int(slot, 16)}" + (f"f{function}" if function != "0" else ""))
        address = net.get(f"{place} address", "")
        made.append("enx" + address.replace(":", ""))
        names[place] = " ".join(made)
    return names
