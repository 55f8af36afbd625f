"""Faults that lines of people's showed, by their symptoms."""

from __future__ import annotations

import json

import pytest
from lxml import etree

import bridge

QEMU = "qemu-system-x86_64 -nodefaults -M q35"


def domain(line: str) -> etree._Element:
    return etree.fromstring(bridge.convert(f"{QEMU} {line}", "xml", "argv").text)


@pytest.mark.parametrize(
    "line",
    [
        "-drive if=none,id=a,file=/a,format=raw -device virtio-blk-pci,drive=a,bootindex=0 -device e1000,bootindex=1",
        "-device e1000,bootindex=1 -drive if=none,id=a,file=/a,format=raw -device virtio-blk-pci,drive=a,bootindex=0x0",
        "-device qemu-xhci -drive if=none,id=a,file=/a,format=raw -device usb-storage,drive=a,bootindex=0 -device e1000,bootindex=7",
        "-device floppy,unit=0 -global isa-fdc.bootindexA=0 -device e1000,bootindex=4",
    ],
)
def test_a_boot_order_that_begins_at_0_was_lost(line: str) -> None:
    """libvirt's begins at 1: the drive without its place, a card with a place that no schema takes."""
    orders = [int(boot.get("order", "")) for tag in ("disk", "interface") for boot in domain(line).findall(f"devices/{tag}/boot")]
    assert len(orders) == 2
    assert 0 < orders[0] < orders[1]
    assert domain(line).findall("os/boot") == []
    assert "boot: order=" in bridge.convert(f"{QEMU} {line}", "conf", "argv").text or "floppy" in line or "usb" in line


def test_a_boot_order_that_begins_at_1_stays() -> None:
    root = domain("-device e1000,bootindex=1 -device e1000,bootindex=3")
    assert [boot.get("order") for boot in root.iter("boot")] == ["1", "3"]


@pytest.mark.parametrize(("word", "said"), [("true", "on"), ("yes", "on"), ("y", "on"), ("on", "on"), ("false", "off"), ("n", "off")])
def test_a_switch_that_is_not_spelled_on_or_off_made_an_invalid_domain(word: str, said: str) -> None:
    root = domain(f"-device virtio-scsi-pci,id=s,iommu_platform={word},packed=on")
    driver = next(node for node in root.iterfind("devices/controller/driver"))
    assert driver.get("iommu", "off") == said


@pytest.mark.parametrize(
    ("line", "macs"),
    [
        ("-device e1000", ["56"]),
        ("-device e1000 -device virtio-net-pci", ["56", "57"]),
        ("-device e1000,mac=52:54:00:12:34:57 -device e1000 -device e1000", ["57", "56", "58"]),
        ("-device e1000 -net nic,model=e1000 -net user -nic user,model=rtl8139,mac=52:54:00:12:34:57", ["57", "56", "58"]),
        ("-device qemu-xhci -device usb-net -device e1000", ["57"]),
    ],
)
def test_a_card_without_an_address_got_another_than_qemu_gives_it(line: str, macs: list[str]) -> None:
    """As `info qtree` shows them."""
    for to in ("xml", "conf"):
        text = bridge.convert(f"{QEMU} {line}", to, "argv").text
        for end in macs:
            assert f"52:54:00:12:34:{end}" in text
    cards = [card for card in domain(line).iterfind("devices/interface") if card.find("address").get("type") == "pci"]  # type: ignore[union-attr]
    assert [card.find("mac").get("address", "")[-2:] for card in cards] == macs  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("card", "queues", "vectors"),
    [
        ("mq=on", "4", None),
        ("mq=on,vectors=10", "4", None),
        ("mq=on,vectors=12", "4", "12"),
        ("mq=off", None, None),
        ("mac=52:54:00:00:00:01", None, None),
        ("vectors=6", None, "6"),
    ],
)
def test_queues_of_a_tap_were_queues_of_the_card_and_vectors_were_lost(card: str, queues: str | None, vectors: str | None) -> None:
    """The guest sees several queues only with mq=on; how many vectors there are it sees as well."""
    line = f"{QEMU} -netdev tap,id=n,ifname=t,script=no,downscript=no,queues=4 -device virtio-net-pci,netdev=n,{card}"
    result = bridge.convert(line, "xml", "argv")
    root = etree.fromstring(result.text)
    assert [driver.get("queues") for driver in root.iterfind("devices/interface/driver")] == ([queues] if queues else [])
    values = [p.get("value") for p in root.iter("{*}property") if p.get("name") == "vectors"]
    assert values == ([vectors] if vectors else [])
    assert any("has no mq=on" in finding.message for finding in result.findings) is (queues is None)


@pytest.mark.parametrize("option", ["-net nonex", "-nic nonex,model=e1000", "-net tpa,ifname=x"])
def test_a_network_that_qemu_does_not_know_was_taken_for_one(option: str) -> None:
    with pytest.raises(bridge.BridgeError) as caught:
        domain(option)
    assert "QEMU knows no network of type" in str(caught.value)


def test_an_accelerator_that_stands_in_was_left_out_in_silence() -> None:
    said = [finding.message for finding in bridge.convert(f"{QEMU} -accel kvm -accel tcg,thread=multi", "xml", "argv").findings]
    assert [message for message in said if "'tcg' stands in" in message]
    assert [message for message in said if "thread=multi" in message]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("name=opt/x,string=a b", ({"name": "opt/x"}, "a b")),
        ("opt/x,file=/srv/x", ({"name": "opt/x", "file": "/srv/x"}, None)),
        ("name=opt/x,string=a,,b<c", ({"name": "opt/x"}, "a,b<c")),
        ("name=opt/org.qemu/x,string=a", None),
        ("name=etc/x,string=a", None),
        ("name=opt/x,string= a", None),
        ("name=opt/x,gen_id=g", None),
        ("name=opt/x,file=/etc/shadow", None),
    ],
)
def test_a_file_of_the_firmware_had_no_element(text: str, entry: tuple[dict[str, str], str | None] | None) -> None:
    result = bridge.convert(json.dumps(["qemu-system-x86_64", "-fw_cfg", text]), "xml", "argv")
    found = [(dict(node.attrib), node.text) for node in etree.fromstring(result.text).iterfind("sysinfo[@type='fwcfg']/entry")]
    assert found == ([entry] if entry else [])
    assert any("-fw_cfg" in finding.message for finding in result.findings) is (entry is None)


def test_a_second_conversion_lost_properties_of_controllers() -> None:
    line = f"{QEMU} -device virtio-scsi-pci,id=s,iommu_platform=on -device pcie-root-port,id=p,chassis=3,hotplug=off"
    first, second, plain = (bridge.convert(text, "xml", "argv").text for text in (line, line, line.replace(",iommu_platform=on", "")))
    assert '<driver iommu="on"/>' in first
    assert second == first
    assert "<driver iommu" not in plain


@pytest.mark.parametrize(
    ("file", "protocol", "name", "host"),
    [
        ("nbd://a.example/disk", "nbd", "disk", {"name": "a.example", "port": "10809"}),
        ("nbd+tcp://a.example:99/x/y", "nbd", "x/y", {"name": "a.example", "port": "99"}),
        ("nbd://[fd00::1]:99/x", "nbd", "x", {"name": "fd00::1", "port": "99"}),
        ("nbd+unix:///x?socket=/run/s", "nbd", "x", {"transport": "unix", "socket": "/run/s"}),
        ("nbd:a.example:99", "nbd", "", {"name": "a.example", "port": "99"}),
        ("nbd:a.example:99:exportname=x", "nbd", "x", {"name": "a.example", "port": "99"}),
        ("nbd:unix:/run/s:exportname=x", "nbd", "x", {"transport": "unix", "socket": "/run/s"}),
        ("https://a.example/d/x.raw", "https", "d/x.raw", {"name": "a.example", "port": "443"}),
        ("ftp://a.example:2121/x.raw", "ftp", "x.raw", {"name": "a.example", "port": "2121"}),
    ],
)
def test_a_uri_of_an_old_drive_was_one_name_without_a_host(file: str, protocol: str, name: str, host: dict[str, str]) -> None:
    source = domain(f"-drive if=virtio,format=raw,file={file}").find("devices/disk/source")
    assert source is not None
    assert (source.get("protocol"), source.get("name")) == (protocol, name)
    assert [dict(each.attrib) for each in source.findall("host")] == [host]


@pytest.mark.parametrize(
    ("form", "to", "image"),
    [
        ("vhdx", "xml", "/srv/my disk.img.qcow2"),
        ("parallels", "xml", "/srv/my disk.img.qcow2"),
        ("vdi", "xml", "/srv/my disk.img"),
        ("qcow2", "xml", "/srv/my disk.img"),
        ("vhdx", "conf", "/srv/my disk.img.qcow2"),
        ("vdi", "conf", "/srv/my disk.img.qcow2"),
        ("vmdk", "conf", "/srv/my disk.img"),
    ],
)
def test_an_image_that_the_other_side_cannot_open_ended_the_conversion(form: str, to: bridge.Format, image: str) -> None:
    """The document names the image that the finding's command makes, so that nobody takes the bytes of the old one for a disk's."""
    result = bridge.convert(f"{QEMU} -drive 'if=virtio,format={form},file=/srv/my disk.img'", to, "argv")
    assert (f'"{image}"' if to == "xml" else f" {image},") in result.text
    hints = [finding.hint for finding in result.findings if finding.kind == "import-needed"]
    wanted = [f"qemu-img convert -f {form} -O qcow2 '/srv/my disk.img' '{image}'"] if image.endswith("qcow2") else []
    assert hints == wanted


def test_an_image_that_nobody_can_convert_here_is_refused_in_one_line() -> None:
    with pytest.raises(bridge.BridgeError) as caught:
        bridge.convert(f"{QEMU} -drive if=virtio,format=vdi,file=nbd://a.example/x", "conf", "argv")
    assert "cannot use images of format 'vdi'" in str(caught.value)


BLOCK = json.dumps({"driver": "qcow2", "node-name": "top", "file": {"driver": "file", "filename": "/srv/top"}, "backing": "base"})


@pytest.mark.parametrize(("form", "chain"), [("qcow2", ["/srv/base"]), ("raw", []), ("vmdk", [])])
def test_a_raw_image_below_another_was_called_qcow2(form: str, chain: list[str]) -> None:
    base = json.dumps({"driver": form, "node-name": "base", "file": {"driver": "file", "filename": "/srv/base"}})
    line = f"{QEMU} -blockdev '{base}' -blockdev '{BLOCK}' -device virtio-blk-pci,drive=top"
    result = bridge.convert(line, "xml", "argv")
    root = etree.fromstring(result.text)
    assert [source.get("file") for source in root.iterfind("devices/disk/backingStore/source")] == chain
    assert any(finding.kind == "ambiguous" for finding in result.findings) == (not chain)


def test_an_image_that_two_stand_on_was_there_for_the_first_alone() -> None:
    base = json.dumps({"driver": "qcow2", "node-name": "base", "file": {"driver": "file", "filename": "/srv/base"}})
    tops = [json.dumps({**json.loads(BLOCK), "node-name": name}) for name in ("a", "b")]
    words = " ".join(f"-blockdev '{node}'" for node in (base, *tops))
    root = domain(f"{words} -device virtio-blk-pci,drive=a -device virtio-blk-pci,drive=b")
    assert [source.get("file") for source in root.iterfind("devices/disk/backingStore/source")] == ["/srv/base", "/srv/base"]


def test_a_node_without_anything_below_says_so() -> None:
    node = json.dumps({"driver": "qcow2", "node-name": "n", "file": {"driver": "file", "filename": "/srv/n"}, "backing": None})
    assert domain(f"-blockdev '{node}' -device virtio-blk-pci,drive=n").find("devices/disk/backingStore") is not None


def test_a_qcow2_below_an_image_of_the_network_ended_in_a_crash() -> None:
    top = json.dumps({**json.loads(BLOCK), "file": {"driver": "nbd", "server": {"type": "inet", "host": "h", "port": "1"}}})
    base = json.dumps({"driver": "qcow2", "node-name": "base", "file": {"driver": "host_device", "filename": "/dev/vg/base"}})
    root = domain(f"-blockdev '{base}' -blockdev '{top}' -device virtio-blk-pci,drive=top")
    assert [layer.get("type") for layer in root.iterfind("devices/disk/backingStore")] == ["block"]


@pytest.mark.parametrize(
    ("uri", "name", "host"),
    [
        ("ssh://me@h.example:2222/srv/x.img", "/srv/x.img", {"name": "h.example", "port": "2222"}),
        ("nfs://h.example/export/x", "/export/x", {"name": "h.example"}),
        ("gluster://h.example/volume/dir/x", "volume/dir/x", {"name": "h.example"}),
        ("gluster+unix:///volume/x?socket=/run/glusterd.socket", "volume/x", {"transport": "unix", "socket": "/run/glusterd.socket"}),
        ("http://u:secret@h.example/x.iso", "x.iso", {"name": "h.example", "port": "80"}),
    ],
)
def test_a_uri_became_a_source_without_a_host(uri: str, name: str, host: dict[str, str]) -> None:
    result = bridge.convert(f"{QEMU} -drive if=virtio,format=raw,file={uri}", "xml", "argv")
    source = etree.fromstring(result.text).find("devices/disk/source")
    assert source is not None
    assert (source.get("protocol"), source.get("name")) == (uri.partition("://")[0].partition("+")[0], name)
    assert [dict(each.attrib) for each in source] == [host]
    assert any(finding.kind == "secret-left-out" for finding in result.findings) == ("@" in uri)
    assert "secret" not in result.text


@pytest.mark.parametrize("uri", ["ssh:///x", "nbd:", "nfs://", "gluster:///volume/x", "gluster://h/x", "rbd:pool", "iscsi://h/iqn", "http://"])
def test_a_uri_that_qemu_refuses_passed(uri: str) -> None:
    with pytest.raises(bridge.BridgeError, match="that QEMU knows: write"):
        bridge.convert(f"{QEMU} -drive if=virtio,format=raw,file={uri}", "xml", "argv")


def test_a_directory_as_a_disk_is_left_to_args() -> None:
    result = bridge.convert(f"{QEMU} -drive if=virtio,format=raw,file=fat:rw:/srv/dir", "xml", "argv", args=True)
    assert "fat:rw:/srv/dir" in result.text


NET = f"{QEMU} -device virtio-net-pci,netdev=n,mac=52:54:00:00:00:01 -netdev"


@pytest.mark.parametrize(
    ("netdev", "kind", "source"),
    [
        ("vhost-user,id=n,chardev=c", "vhostuser", {"type": "unix", "path": "/run/vu.sock", "mode": "client"}),
        ("vhost-vdpa,id=n,vhostdev=/dev/vhost-vdpa-0", "vdpa", {"dev": "/dev/vhost-vdpa-0"}),
        ("socket,id=n,mcast=230.0.0.1:1234", "mcast", {"address": "230.0.0.1", "port": "1234"}),
        ("socket,id=n,listen=:1234", "server", {"port": "1234"}),
        ("socket,id=n,connect=127.0.0.1:1234", "client", {"address": "127.0.0.1", "port": "1234"}),
        ("socket,id=n,udp=10.0.0.1:1,localaddr=10.0.0.2:2", "udp", {"address": "10.0.0.1", "port": "1"}),
    ],
)
def test_a_card_on_another_process_hung_on_nothing(netdev: str, kind: str, source: dict[str, str]) -> None:
    line = f"{NET} {netdev} -chardev socket,id=c,path=/run/vu.sock" if "chardev" in netdev else f"{NET} {netdev}"
    result = bridge.convert(line, "xml", "argv")
    card = etree.fromstring(result.text).find("devices/interface")
    assert card is not None
    assert card.get("type") == kind
    assert [dict(each.attrib) for each in card.findall("source")] == [source]
    assert [f for f in result.findings if f.severity != "note"] == []
    told = bridge.convert(line, "conf", "argv").findings
    assert any(finding.kind == "network-unknown" for finding in told)


def test_a_network_that_libvirt_has_not_is_told() -> None:
    found = bridge.convert(f"{NET} vde,id=n,sock=/run/vde", "xml", "argv").findings
    assert [f.kind for f in found if f.severity != "note"] == ["network-unknown", "host-lost"]


def test_a_chardev_as_qmp_has_it_ended_in_a_crash() -> None:
    data = {"addr": {"type": "unix", "data": {"path": "/run/a.sock"}}, "server": True, "wait": False}
    chardev = json.dumps({"id": "c", "backend": {"type": "socket", "data": data}})
    root = domain(f"-chardev '{chardev}' -device isa-serial,chardev=c")
    source = root.find("devices/serial/source")
    assert source is not None
    assert dict(source.attrib.items()) == {"mode": "bind", "path": "/run/a.sock"}


def test_a_node_of_a_guest_without_cpus_made_an_invalid_domain() -> None:
    root = domain("-m 2G -smp 2 -numa node,cpus=0-1,mem=1G -numa node,mem=1G")
    assert [cell.get("cpus") for cell in root.iterfind("cpu/numa/cell")] == ["0-1", None]


def test_a_confidential_guest_without_uefi_is_libvirts_business() -> None:
    root = domain("-machine confidential-guest-support=s -object sev-guest,id=s,cbitpos=51,reduced-phys-bits=1")
    assert root.find("launchSecurity") is not None


@pytest.mark.parametrize(
    ("device", "path", "value"),
    [
        ("virtio-net-pci,acpi-index=7", "devices/interface/acpi", {"index": "7"}),
        ("virtio-net-pci,tx=bh", "devices/interface/driver", {"txmode": "iothread"}),
        ("virtio-net-pci,failover=on", "devices/interface/teaming", {"type": "persistent"}),
    ],
)
def test_what_libvirt_has_an_element_for_went_by_override(device: str, path: str, value: dict[str, str]) -> None:
    found = domain(f"-device {device}").find(path)
    assert found is not None
    assert dict(found.attrib.items()) == value


def test_the_ports_of_an_xhci_were_four_whatever_it_said() -> None:
    root = domain("-device nec-usb-xhci,p2=8,p3=8,id=usb -device usb-mouse,bus=usb.0,port=5")
    assert [address.get("port") for address in root.iterfind("devices/input/address")] == ["5"]
    with pytest.raises(bridge.BridgeError, match="port 9 of bus"):
        domain("-device nec-usb-xhci,p2=8,p3=8,id=usb -device usb-mouse,bus=usb.0,port=9")


def test_two_devices_of_one_drive_are_refused_as_by_qemu() -> None:
    with pytest.raises(bridge.BridgeError, match="two devices have the drive 'd'"):
        domain("-drive if=none,id=d,file=/d,format=raw -device virtio-blk-pci,drive=d -device virtio-blk-pci,drive=d")


def test_a_disk_that_is_left_out_stays_out_of_the_boot_order() -> None:
    line = "-drive if=virtio,format=raw,file=ssh://h/x -drive if=virtio,format=raw,file=/srv/y -drive media=cdrom,if=ide"
    text = bridge.convert(f"{QEMU} {line}", "conf", "argv").text
    assert "virtio1: /srv/y" in text
    assert "virtio0" not in text
