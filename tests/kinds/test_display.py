"""vga, spice_enhancements and keyboard, one way and back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import HOST, argv, back, domain, findings, keys, pieces, refusal, values, xml

GL_HOST = bridge.HostFacts(qemu_version="11.0.2", render_node=True)


def card(config: str, host: bridge.HostFacts = HOST) -> list[str]:
    return [word for word in values(config, "-device", host) if ",id=vga" in word]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("", ["VGA,id=vga,bus=pci.0,addr=0x2"]),
        ("ostype: wxp\n", ["cirrus-vga,id=vga,bus=pci.0,addr=0x2"]),
        ("ostype: win10\n", ["VGA,id=vga,bus=pci.0,addr=0x2,edid=off"]),
        ("ostype: win10\nbios: ovmf\n", ["VGA,id=vga,bus=pci.0,addr=0x2"]),
        ("vga: std,memory=32\n", ["VGA,id=vga,vgamem_mb=32,bus=pci.0,addr=0x2"]),
        ("vga: virtio,memory=64\n", ["virtio-vga,id=vga,max_hostmem=67108864,bus=pci.0,addr=0x2"]),
        ("vga: qxl,memory=32\n", ["qxl-vga,id=vga,vgamem_mb=32,ram_size_mb=128,vram_size_mb=64,max_outputs=4,bus=pci.0,addr=0x2"]),
        ("vga: qxl\nmachine: pc-i440fx-4.0\n", ["qxl-vga,id=vga,bus=pci.0,addr=0x2"]),
        (
            "vga: qxl2\nostype: win10\n",
            ["qxl-vga,id=vga,bus=pci.0,addr=0x2", "qxl,id=vga1,ram_size=67108864,vram_size=33554432,bus=pci.0,addr=0x18"],
        ),
        ("vga: std\nmachine: q35\n", ["VGA,id=vga,bus=pcie.0,addr=0x1"]),
        ("vga: none\n", []),
        ("vga: serial0\nserial0: socket\n", []),
    ],
)
def test_cards(config: str, wanted: list[str]) -> None:
    assert card(config) == wanted


def test_linux_heads_are_one_card() -> None:
    assert {"qxl-vga.ram_size=134217728", "qxl-vga.vram_size=67108864"} <= set(values("vga: qxl3\n", "-global"))
    assert {"qxl-vga.ram_size=201326592", "qxl-vga.vram_size=100663296"} <= set(values("vga: qxl3,memory=16\n", "-global"))


def test_passthrough_replaces_the_card_unless_one_is_named() -> None:
    assert card("hostpci0: 01:00.0,x-vga=1\n") == []
    assert card("vga: std\nhostpci0: 01:00.0,x-vga=1\n") == ["VGA,id=vga,bus=pci.0,addr=0x2"]


def test_spice() -> None:
    words = argv("vga: qxl\nspice_enhancements: foldersharing=1,videostreaming=all\n")
    assert "spiceport,id=foldershare,name=org.spice-space.webdav.0" in words
    assert "tls-port=61000,addr=127.0.0.1,tls-ciphers=HIGH,seamless-migration=on,streaming-video=all" in words
    assert "spicevmc,id=vdagent,name=vdagent" in words
    assert "qemu-vdagent,id=vdagent,name=vdagent,clipboard=on" in argv("vga: std,clipboard=vnc\n")
    assert not any("vdagent" in word for word in argv("vga: std\n"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("vga: none,clipboard=vnc\n", "vga type none is not compatible with VNC clipboard"),
        ("vga: serial0,clipboard=vnc\nserial0: socket\n", "vga type serial0 is not compatible with VNC clipboard"),
        ("keyboard: xx\n", "keyboard 'xx' is not a layout that qemu-server knows"),
    ],
)
def test_refusals(config: str, message: str) -> None:
    assert refusal(config) == message


def test_gl_without_a_gpu_is_refused_where_the_host_is_known_to_have_none() -> None:
    message = "no DRM render node detected (/dev/dri/renderD*), no GPU? - needed for 'virtio-gl' display"
    assert refusal("vga: virtio-gl\n", bridge.HostFacts(render_node=False)) == message
    assert "virtio-vga-gl" in card("vga: virtio-gl\n")[0]


def test_gl() -> None:
    words = argv("vga: virtio-gl\n", GL_HOST)
    assert words[words.index("-display") + 1] == "egl-headless,gl=core"
    assert [node.get("type") for node in xml("vga: virtio-gl\n", GL_HOST).findall("devices/graphics")] == ["vnc", "spice", "egl-headless"]


def model(config: str) -> list[str]:
    return [
        piece.replace(' xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"', "") for piece in pieces(config, "devices/video/model")
    ]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("", ['<model type="vga"/>']),
        ("vga: vmware,memory=32\n", ['<model type="vmvga" vram="32768"/>']),
        ("vga: qxl\n", ['<model type="qxl" ram="65536" vram="65536" vgamem="16384" heads="4" primary="yes"/>']),
        ("vga: qxl2\n", ['<model type="qxl" ram="131072" vram="65536" vgamem="16384" heads="4" primary="yes"/>']),
        (
            "vga: qxl2\nostype: win8\n",
            [
                '<model type="qxl" ram="65536" vram="65536" vgamem="16384" heads="1" primary="yes"/>',
                '<model type="qxl" ram="65536" vram="32768" vgamem="16384" heads="1"/>',
            ],
        ),
        ("vga: none\n", ['<model type="none"/>']),
    ],
)
def test_xml(config: str, wanted: list[str]) -> None:
    assert model(config) == wanted


@pytest.mark.parametrize(
    "config",
    [
        "vga: cirrus",
        "vga: cirrus,memory=32",
        "vga: std,memory=32",
        "vga: vmware",
        "vga: virtio",
        "vga: virtio,memory=64",
        "vga: qxl",
        "vga: qxl,memory=32",
        "vga: qxl2",
        "vga: none",
        "vga: std,clipboard=vnc",
        "vga: qxl,clipboard=vnc",
    ],
)
@pytest.mark.parametrize("machine", ["pc-i440fx-5.1", "pc-q35-10.0"])
def test_back(config: str, machine: str) -> None:
    key, value = config.split(": ")
    assert back(f"machine: {machine}\nostype: l26\n{config}\n")[key] == value


def test_back_of_windows_heads_and_of_what_spice_brings() -> None:
    assert back("machine: pc-i440fx-9.2\nostype: win10\nvga: qxl3\n")["vga"] == "qxl3"
    found = back("machine: pc-i440fx-9.2\nvga: qxl\nkeyboard: de\nspice_enhancements: foldersharing=1,videostreaming=filter\n")
    assert (found["keyboard"], found["spice_enhancements"]) == ("de", "foldersharing=1,videostreaming=filter")
    assert "vga" not in back("machine: pc-i440fx-9.2\nostype: l26\n")


def shown(inner: str) -> str:
    return domain(f"<devices>{inner}</devices>", machine="pc-i440fx-6.2")


@pytest.mark.parametrize(
    ("inner", "vga"),
    [
        ("", "none"),
        ("<serial type='pty'/>", "serial0"),
        ("<video><model type='vga'/></video>", None),
        ("<video><model type='bochs'/></video>", None),
        ("<video><model type='virtio'><acceleration accel3d='yes'/></model></video>", "virtio-gl"),
        ("<graphics type='vnc' port='-1'/>", "cirrus"),
    ],
)
def test_cards_of_somebody_else(inner: str, vga: str | None) -> None:
    assert keys(shown(inner)).get("vga") == vga


@pytest.mark.parametrize(
    ("inner", "kind", "word"),
    [
        ("<video><model type='bochs'/></video>", "guest-changed", "bochs-display"),
        ("<video><model type='vga'/></video><video><model type='qxl'/></video>", "guest-lost", "graphics card 2"),
        ("<video><model type='virtio' heads='3'/></video>", "guest-changed", "max_outputs was 3"),
        ("<graphics type='sdl' display=':0'/><video><model type='vga'/></video>", "host-lost", ":0"),
        ("<graphics type='spice'/><video><model type='vga'/></video>", "host-lost", "VNC only"),
        ("<graphics type='vnc' port='5901'/><video><model type='vga'/></video>", "host-state", "5901"),
        ("<channel type='pty'><target type='virtio' name='org.example'/></channel>", "guest-lost", "org.example"),
    ],
)
def test_what_no_config_can_say(inner: str, kind: str, word: str) -> None:
    assert any(word in message for message in findings(shown(inner), kind))


def test_a_password_is_never_shown() -> None:
    text = shown("<graphics type='vnc' passwd='s3cret'/><video><model type='vga'/></video>")
    out = bridge.convert(text, to="conf", source="xml", host=HOST)
    assert "s3cret" not in out.text + repr(out.findings)
    assert findings(text, "secret-left-out") == ["the password of the display is not carried over"]


@pytest.mark.parametrize(
    ("config", "prop"),
    [("vga: qxl,memory=32", "ram_size_mb"), ("vga: virtio,memory=64", "max_hostmem"), ("vga: qxl,memory=32", "vram_size_mb")],
)
@pytest.mark.parametrize("value", ["", "-1", "٣", "many"])
def test_an_override_of_a_card_that_is_no_number_is_a_finding(config: str, prop: str, value: str) -> None:
    text = bridge.convert(config, to="xml", source="conf", host=HOST, metadata=False).text
    start, found, rest = text.partition(f'name="{prop}" type="unsigned" value="')
    assert found
    edited = start + found + value + rest[rest.index('"') :]
    assert any(prop in message for message in findings(edited, "unknown"))
