"""Sound, guest agent, rng, watchdog, shared directories and memory, one way and back."""

from __future__ import annotations

import pytest

import bridge
from bridge.host.mapping import DirectoryMap, DirectoryMapping
from tests.kinds.both import argv, back, domain, findings, keys, pieces, refusal, xml

SHARES = {name: DirectoryMapping(id=name, maps=(DirectoryMap(node="localhost", path=f"/srv/{name}"),)) for name in ("media", "home")}
HOST = bridge.HostFacts.load(None, qemu_version="11.0.2", directory_mappings=SHARES)


def text(config: str, host: bridge.HostFacts = HOST) -> str:
    return " ".join(argv(config, host))


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("audio0: device=AC97\n", "-device AC97,id=audiodev0,bus=pci.2,addr=0xc,audiodev=spice-backend0 -audiodev spice,id=spice-backend0"),
        (
            "audio0: device=AC97,driver=none\nmachine: pc-i440fx-4.1\n",
            "-device AC97,id=audiodev0,bus=pci.2,addr=0xc -audiodev none,id=none-backend0",
        ),
        ("audio0: device=intel-hda\n", "-device hda-duplex,id=audiodev0-codec1,bus=audiodev0.0,cad=1,audiodev=spice-backend0"),
        (
            "rng0: /dev/urandom\n",
            "-device virtio-rng-pci,rng=rng0,max-bytes=1024,period=1000,bus=pci.1,addr=0x1d",
        ),
        ("rng0: /dev/hwrng,max_bytes=0\n", "-device virtio-rng-pci,rng=rng0,bus=pci.1,addr=0x1d"),
        ("watchdog: action=pause\n", "-device i6300esb,bus=pci.0,addr=0x4 -watchdog-action pause"),
        ("watchdog: ib700\n", "-device ib700,bus=pci.0,addr=0x4"),
        ("agent: 1\n", "-device virtio-serial,id=qga0,bus=pci.0,addr=0x8 -device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"),
        ("agent: 1,type=isa\n", "-device isa-serial,chardev=qga0"),
        (
            "ivshmem: size=32\n",
            "addr=0xb, -object memory-backend-file,id=ivshmem,share=on,mem-path=/dev/shm/pve-shm-100,size=32M",
        ),
        ("machine: q35\nivshmem: size=4,name=x\n", "-device ivshmem-plain,memdev=ivshmem,bus=pcie.0,addr=0x14,"),
        (
            "memory: 512\nvirtiofs3: media\n",
            "virtiofsd/vm100-fs3 -device vhost-user-fs-pci,queue-size=1024,chardev=virtiofs3,tag=media",
        ),
    ],
)
def test_command_line(config: str, wanted: str) -> None:
    assert wanted in text(config)


def test_old_machines_have_no_sound_and_no_rng() -> None:
    assert "audiodev" not in text("machine: pc-i440fx-3.1\naudio0: device=AC97\n")
    assert "virtio-rng" not in text("machine: pc-i440fx-4.1\nrng0: /dev/urandom\n")
    assert "virtio-rng" in text("machine: pc-i440fx-4.1+pve2\nrng0: /dev/urandom\n")


def test_shares_are_refused_as_there() -> None:
    assert refusal("memory: 512\nvirtiofs0: nope\n", HOST) == "Directory ID nope does not exist."
    assert refusal("memory: 512\nostype: win11\nvirtiofs0: media,expose-acl=1\n", HOST).startswith(
        "Please disable ACLs for virtiofs on Windows VMs"
    )


def test_of_two_faults_the_one_of_sev_is_told_before_that_of_a_share() -> None:
    faults = "amd-sev: std\nmemory: 512\nostype: win11\nvirtiofs0: media,expose-acl=1\n"
    assert refusal(faults, HOST).startswith("To use AMD SEV")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rng0", "/dev/hwrng,max_bytes=0"),
        ("rng0", "/dev/urandom,max_bytes=99,period=10"),
        ("rng0", "/dev/random"),
        ("watchdog", "action=reset"),
        ("watchdog", "action=poweroff"),
        ("agent", "1"),
        ("agent", "1,type=isa"),
        ("audio0", "device=ich9-intel-hda,driver=none"),
        ("audio0", "device=AC97,driver=none"),
        ("ivshmem", "size=16,name=foo"),
        ("ivshmem", "size=16"),
        ("virtiofs2", "media,cache=always,expose-xattr=1"),
        ("virtiofs0", "home,cache=never"),
    ],
)
@pytest.mark.parametrize("machine", ["pc-i440fx-9.2", "pc-q35-9.2"])
def test_back(key: str, value: str, machine: str) -> None:
    assert back(f"machine: {machine}\nmemory: 512\nserial0: socket\n{key}: {value}\n", HOST)[key] == value


def test_xml() -> None:
    sound = xml("audio0: device=intel-hda,driver=none\n").find("devices/sound")
    assert sound is not None
    assert [(node.tag, dict(node.attrib)) for node in sound][:3] == [
        ("codec", {"type": "micro"}), ("codec", {"type": "duplex"}), ("audio", {"id": "1"}),
    ]  # fmt: skip
    assert 'type="none"' in pieces("audio0: device=AC97\n", "devices/audio")[0]
    assert 'type="spice"' in pieces("vga: qxl\naudio0: device=AC97\n", "devices/audio")[0]
    assert pieces("machine: q35\nwatchdog: ib700\n", "devices/watchdog") == []
    assert pieces("ivshmem: size=3\n", "devices/shmem") == []
    assert len(pieces("memory: 512\nvirtiofs0: media\nvirtiofs1: media\n", "devices/filesystem", HOST)) == 1


def foreign(inner: str, machine: str = "pc") -> str:
    return domain(f"<devices>{inner}</devices>", machine=machine)


@pytest.mark.parametrize(
    ("inner", "key", "value"),
    [
        ("<rng model='virtio'><backend model='builtin'/></rng>", "rng0", "/dev/urandom,max_bytes=0"),
        ("<rng model='virtio'><rate bytes='1024'/><backend model='random'/></rng>", "rng0", "/dev/random"),
        ("<watchdog model='i6300esb' action='dump'/>", "watchdog", "action=pause"),
        ("<sound model='ich6'/>", "audio0", "device=intel-hda,driver=none"),
        ("<shmem name='my'><model type='ivshmem-plain'/><size unit='G'>1</size></shmem>", "ivshmem", "size=1024,name=my"),
        ("<channel type='pty'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>", "agent", "1"),
    ],
)
def test_devices_of_somebody_else(inner: str, key: str, value: str) -> None:
    assert keys(foreign(inner))[key] == value


@pytest.mark.parametrize(
    ("inner", "kind", "word"),
    [
        ("<rng model='virtio'><backend model='egd' type='tcp'><source host='h' service='1'/></backend></rng>", "host-lost", "host='h'"),
        ("<rng model='virtio'><backend model='random'/></rng><rng model='virtio'><backend model='random'/></rng>", "guest-lost", "one rng"),
        ("<watchdog model='diag288'/>", "guest-lost", "diag288"),
        ("<sound model='ich6'/>", "guest-changed", "codecs were duplex"),
        ("<sound model='es1370'/>", "guest-lost", "es1370"),
        ("<sound model='ac97'/><audio id='1' type='alsa'/>", "host-lost", "alsa"),
        ("<shmem name='s'><model type='ivshmem-doorbell'/></shmem>", "guest-lost", "doorbell"),
        ("<filesystem type='mount'><source dir='/srv'/><target dir='t1'/></filesystem>", "guest-lost", "/srv"),
        (
            "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/><target dir='t1'/></filesystem>",
            "resource-unknown",
            "/srv",
        ),
    ],
)
def test_what_no_config_can_say(inner: str, kind: str, word: str) -> None:
    assert any(word in message for message in findings(foreign(inner), kind))


def test_the_watchdog_that_every_q35_has_says_nothing() -> None:
    text = foreign("<watchdog model='itco' action='reset'/>", "pc-q35-9.2")
    assert "watchdog" not in keys(text)
    assert not any("itco" in m for kind in ("unknown", "guest-lost", "host-lost") for m in findings(text, kind))
