"""netN, one way and back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import HOST, argv, back, domain, findings, keys, outline, refusal, values, xml

MAC = "BC:24:11:00:00:01"
CARD = f"net0: virtio={MAC},bridge=vmbr0"
SCRIPTS = "script=/usr/libexec/qemu-server/pve-bridge,downscript=/usr/libexec/qemu-server/pve-bridgedown"


def device(config: str, host: bridge.HostFacts = HOST) -> str:
    return next(word for word in values(config, "-device", host) if "netdev=net0" in word)


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (f"{CARD}\nmachine: pc-i440fx-7.0\n", ""),
        (f"{CARD}\nmachine: pc-i440fx-7.1\n", ",rx_queue_size=1024,tx_queue_size=256"),
        (f"{CARD},queues=2\nmachine: pc-i440fx-7.0\n", ",vectors=6,mq=on"),
        (f"{CARD},queues=2\nmachine: pc-i440fx-7.1\n", ",vectors=6,mq=on,packed=on,rx_queue_size=1024,tx_queue_size=256"),
        (f"{CARD},mtu=900\nmachine: pc-i440fx-5.1\n", ",host_mtu=900"),
        (f"{CARD},mtu=1\nmachine: pc-i440fx-10.0+pve1\n", ",rx_queue_size=1024,tx_queue_size=256,host_mtu=1500"),
        (f"{CARD},host-tunnel=0\nmachine: pc-i440fx-10.2\n", ",rx_queue_size=1024,tx_queue_size=256,host_mtu=1500,host_tunnel=off"),
        (f"{CARD}\nmachine: pc-i440fx-10.2\n", ",rx_queue_size=1024,tx_queue_size=256,host_mtu=1500"),
        (f"{CARD},host-tunnel=1\n", ",rx_queue_size=1024,tx_queue_size=256,host_mtu=1500"),
        (f"{CARD}\n", ",rx_queue_size=1024,tx_queue_size=256,host_mtu=1500,host_tunnel=off"),
    ],
)
def test_virtio_by_machine(config: str, wanted: str) -> None:
    config += "boot: order=scsi0\n"
    assert device(config) == f"virtio-net-pci,mac={MAC},netdev=net0,bus=pci.0,addr=0x12,id=net0{wanted}"


def test_backends() -> None:
    assert values(f"{CARD},queues=1\n", "-netdev") == [f"type=tap,id=net0,ifname=tap100i0,{SCRIPTS},vhost=on,queues=1"]
    assert values(f"net3: e1000={MAC},bridge=vmbr0,queues=4\n", "-netdev") == [f"type=tap,id=net3,ifname=tap100i3,{SCRIPTS}"]
    assert values(f"net0: virtio={MAC}\nname: web\n", "-netdev") == ["type=user,id=net0,hostname=web"]


def test_old_machines_boot_without_uefi_roms() -> None:
    assert device(f"{CARD}\nmachine: pc-i440fx-5.1.pxe\nboot: order=scsi0\n").endswith(",romfile=pxe-virtio.rom")


@pytest.mark.parametrize(
    ("mtu", "message"),
    [
        (575, "netdev net0: MTU '575' is smaller"),
        (9000, "netdev net0: MTU '9000' is bigger"),
    ],
)
def test_mtu_that_the_bridge_cannot_carry(mtu: int, message: str) -> None:
    assert refusal(f"{CARD},mtu={mtu}\n").startswith(message)
    assert refusal(f"net0: e1000={MAC},bridge=vmbr0,mtu={mtu}\n") == ""


def test_a_card_without_mac_gets_the_same_one_every_time() -> None:
    out = bridge.convert("net0: virtio,bridge=vmbr0\n", to="argv", source="conf", host=HOST)
    mac = next(word for word in out.argv or () if "netdev=net0" in word).split(",")[1]
    assert mac.startswith("mac=BC:24:11:")
    assert [f.kind for f in out.findings if mac[4:] in f.message] == ["ambiguous"]
    assert mac in device("net0: virtio,bridge=vmbr0\n")


def test_xml() -> None:
    node = xml(f"{CARD},queues=2,tag=5,trunks=7-9;12,rate=10,link_down=1\nmachine: pc-i440fx-9.2\nboot: order=net0\n").find(
        "devices/interface"
    )
    assert node is not None
    assert outline(node).replace('"', "'") == (
        "<interface xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' type='bridge'><source bridge='vmbr0'/>"
        f"<target dev='tap100i0'/><model type='virtio'/><mac address='{MAC}'/>"
        "<driver name='vhost' packed='on' rx_queue_size='1024' tx_queue_size='256' queues='2'/>"
        "<link state='down'/><boot order='100'/>"
        "<vlan trunk='yes'><tag id='5' nativeMode='untagged'/><tag id='7'/><tag id='8'/><tag id='9'/>"
        "<tag id='12'/></vlan><bandwidth><inbound average='10486' burst='1024'/><outbound average='10486' burst='1024'/></bandwidth>"
        "<alias name='ua-net0'/><address type='pci' domain='0x0000' bus='0x00' slot='0x12' function='0x0'/></interface>"
    )


@pytest.mark.parametrize(
    "value",
    [
        f"virtio={MAC},bridge=vmbr0,queues=4,tag=5",
        f"virtio={MAC},bridge=vmbr0,rate=0.5,tag=5,trunks=7-9;12",
        f"e1000={MAC},bridge=vmbr1,link_down=1,rate=33.3",
        f"vmxnet3={MAC},bridge=a.b-c_d",
        f"rtl8139={MAC}",
        f"virtio={MAC},bridge=vmbr0,mtu=900",
        f"virtio={MAC},bridge=vmbr0,trunks=2;4",
    ],
)
@pytest.mark.parametrize("machine", ["pc-i440fx-5.1", "pc-i440fx-9.2", "pc-q35-10.0"])
def test_back(value: str, machine: str) -> None:
    assert back(f"machine: {machine}\nostype: l26\nnet4: {value}\n")["net4"] == value


CARD_XML = "<devices><interface type='{type}'><mac address='52:54:00:aa:bb:cc'/>{inner}</interface></devices>"


def card(inner: str, kind: str = "bridge") -> str:
    return domain(CARD_XML.format(type=kind, inner=inner), machine="pc-i440fx-6.2")


def test_a_network_becomes_the_bridge_that_the_facts_name() -> None:
    text = card("<source network='default'/><model type='virtio'/>", "network")
    assert keys(text)["net0"] == "virtio=52:54:00:AA:BB:CC,bridge=vmbr0"
    assert "network default" in findings(text, "network-unknown")[0]
    known = bridge.HostFacts(bridge_map={"default": "vmbr7"}, qemu_version="11.0.2")
    assert keys(text, known)["net0"] == "virtio=52:54:00:AA:BB:CC,bridge=vmbr7"
    assert findings(text, "network-unknown", known) == []


def test_what_libvirt_leaves_out() -> None:
    assert keys(card("<source bridge='br0'/>"))["net0"] == "rtl8139=52:54:00:AA:BB:CC,bridge=br0"
    assert keys(card("", "user"))["net0"] == "rtl8139=52:54:00:AA:BB:CC"


def test_queue_sizes_that_qemu_server_changes() -> None:
    text = domain(CARD_XML.format(type="bridge", inner="<source bridge='br0'/><model type='virtio'/>"), machine="pc-i440fx-7.1")
    assert any(m.endswith("net0: rx_queue_size was 256, under qemu-server it is 1024") for m in findings(text, "added"))


@pytest.mark.parametrize(
    ("inner", "kind", "word"),
    [
        ("<source bridge='br0'/><model type='igb'/>", "guest-changed", "'igb'"),
        ("<source bridge='br0'/><target dev='vnet7'/>", "host-state", "vnet7"),
        ("<source bridge='br0'/><target dev='lan0'/>", "host-lost", "lan0"),
        ("<source bridge='br0'/><filterref filter='clean-traffic'/>", "host-lost", "clean-traffic"),
        ("<source bridge='br0'/><bandwidth><inbound average='1000' peak='5000'/></bandwidth>", "host-lost", "5000"),
        ("<source bridge='br0'/><virtualport type='openvswitch'><parameters profileid='blue'/></virtualport>", "host-lost", "blue"),
        ("<source bridge='br0'/><alias name='ua-mine'/>", "normalised", "ua-mine"),
        ("<source bridge='br0'/><model type='virtio'/><driver name='qemu'/>", "host-lost", "vhost"),
    ],
)
def test_what_no_config_can_say(inner: str, kind: str, word: str) -> None:
    assert any(word in message for message in findings(card(inner), kind))


@pytest.mark.parametrize("inner", ["<source bridge='br0'/><vlan><tag id='4095'/></vlan>", "<source bridge='br&#xe9;'/>"])
def test_hostile_values_are_refused(inner: str) -> None:
    with pytest.raises(bridge.BridgeError):
        keys(card(inner))


def test_a_bridge_with_another_name_there() -> None:
    host = bridge.HostFacts(bridge_map={"vmbr0": "br0"}, qemu_version="11.0.2")
    source = xml(f"{CARD}\n", host).find("devices/interface/source")
    assert source is not None
    assert source.get("bridge") == "br0"
    assert argv(f"{CARD}\n", host)
