"""args: words as Perl splits them, and back."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import bridge
from bridge.core.shellwords import quote, split
from bridge.data.properties import type_of
from tests.embed.qemu import Qemu
from tests.kinds.both import HOST, argv, back, commandline, domain

ARGS = """<qemu:commandline xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <qemu:arg value="-S"/><qemu:arg value="a b"/>
</qemu:commandline>"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-a b", ["-a", "b"]),
        ("  -a   b ", ["-a", "b"]),
        (r"""-a "b \"c\" d" 'e\n'""", ["-a", 'b "c" d', r"e\n"]),
        (r"a\ b", ["a b"]),
        ("x'y z'w", ["xy zw"]),
        ("'' a", ["", "a"]),
        ("a 'b", []),
        ("a 'x\\' b", []),
        ("a\\", []),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split(text) == words


@given(st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1), min_size=1, max_size=6))
def test_quote_is_undone_by_split(words: list[str]) -> None:
    try:
        text = quote(words)
    except ValueError:
        return
    assert split(text) == words
    assert not (text.startswith('"') and text.endswith('"'))


def test_args_come_last() -> None:
    assert argv('args: -device "a,b=c d"\n')[-2:] == ["-device", "a,b=c d"]


def test_raw_arguments_of_xml_need_a_word() -> None:
    text = domain(ARGS)
    with pytest.raises(bridge.BridgeError, match="on request only"):
        bridge.convert(text, to="conf", source="xml")
    assert "args" not in bridge.convert(text, to="conf", source="xml", args=False).text
    assert 'args: -S "a b"' not in bridge.convert(text, to="conf", source="xml", args=False).text
    assert "args: -S " in bridge.convert(text, to="conf", source="xml", args=True).text


def test_args_of_a_config_come_back_as_they_were_written() -> None:
    config = "args: -foo 'a b' -bar\nmemory: 512\n"
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml", trust_metadata=True).text == config
    edited = text.replace('value="a b"', 'value="evil"')
    with pytest.raises(bridge.BridgeError, match="on request only"):
        bridge.convert(edited, to="conf", source="xml")


def test_args_that_are_removed_from_the_xml_do_not_come_back() -> None:
    text = bridge.convert("args: -foo\nmemory: 512\n", to="xml", source="conf").text
    edited = text.replace('    <qemu:arg value="-foo"/>\n', "")
    assert edited != text
    for trust, kind in ((False, "withheld"), (True, "stale-residue")):
        result = bridge.convert(edited, to="conf", source="xml", trust_metadata=trust)
        assert "args" not in result.text
        assert kind in [finding.kind for finding in result.findings]


def test_args_that_look_like_our_own_words_stay_args() -> None:
    config = "args: -machine graphics=off -uuid 00000000-0000-0000-0000-000000000000 -foo\nmemory: 512\n"
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml", trust_metadata=True).text == config


def test_the_environment_is_refused() -> None:
    env = ARGS.replace('<qemu:arg value="-S"/>', '<qemu:env name="LD_PRELOAD" value="x"/>')
    with pytest.raises(bridge.BridgeError, match="environment"):
        bridge.convert(domain(env), to="conf", source="xml", args=True)


LATE = [
    # a device in `args` -> what libvirt's QEMU is told
    ("-device edu", '{"driver":"edu"}'),
    ("-device edu,addr=5", "edu,addr=5"),
    ("-device edu,bus=pci.0,addr=5", "edu,bus=pci.0,addr=5"),
    ("-device e1000,id=x,bus=pci.1,addr=5", '{"driver":"e1000","id":"x","bus":"ua-pci-1","addr":"5"}'),
    ("-device usb-kbd,bus=uhci.0", '{"driver":"usb-kbd","bus":"ua-uhci.0"}'),
    ("-device usb-kbd,bus=mine.0", '{"driver":"usb-kbd","bus":"mine.0"}'),
    ("-device scsi-cd,bus=scsihw0.0,scsi-id=6,serial=0123", '{"driver":"scsi-cd","bus":"ua-scsihw0.0","scsi-id":6,"serial":"0123"}'),
    ("-device virtio-net,packed,vectors=0x8,host_mtu=-1", '{"driver":"virtio-net","packed":true,"vectors":8,"host_mtu":-1}'),
    ("-device ivshmem-plain,memdev=m,master=on", '{"driver":"ivshmem-plain","memdev":"m","master":"on"}'),
    ("-device nvme,serial=a,,b,cmb_size_mb=1k", '{"driver":"nvme","serial":"a,b","cmb_size_mb":1024}'),
    ("-device nvme,no_such_property=text", '{"driver":"nvme","no_such_property":"text"}'),
    ("-device isa-applesmc,osk=x", "isa-applesmc,osk=x"),
    ("-device isa-serial", '{"driver":"isa-serial"}'),
    ("-device intel-iommu", "intel-iommu"),
    ('-device {\\"driver\\":\\"edu\\"}', '{"driver":"edu"}'),
    ('-device {\\"driver\\":\\"edu\\",\\"bus\\":\\"pci.1\\",\\"addr\\":\\"5\\"}', '{"driver":"edu","bus":"ua-pci-1","addr":"5"}'),
    ("-device edu -set device.edu.addr=5", None),
    ("-device edu,id=e -set device.e.dma_mask=0xff", '{"driver":"edu","id":"e","dma_mask":255}'),
    # no form is certain
    ("-device nvme,no_such_property=1", None),
    ("-device nvme,vectors=010", None),
    ("-device nvme,nosuch", None),
    ("-set device.no-such.addr=5", None),
    ("-set drive.drive-scsi0.cache=none", None),
    ("-drive file=/dev/null,if=virtio", None),
    ("-readconfig /etc/more.cfg", None),
]


@pytest.mark.parametrize(("args", "wanted"), LATE)
def test_devices_of_args_are_created_last_here_too(args: str, wanted: str | None) -> None:
    config = f"args: {args}\nmemory: 512\nscsi0: local:100/vm-100-disk-0.raw\nscsihw: virtio-scsi-pci\n"
    result = bridge.convert(config, to="xml", source="conf", host=HOST)
    changed = [finding for finding in result.findings if finding.kind == "guest-changed"]
    assert bool(changed) == (wanted is None), changed
    if wanted is not None:
        assert commandline(config)[-2:] == ["-device", wanted]
    assert bridge.convert(result.text, to="conf", source="xml", host=HOST, trust_metadata=True).text == config


def test_the_bus_of_q35_that_is_called_as_the_root_of_i440fx_is_a_bridge() -> None:
    config = "args: -device edu,bus=pci.0,addr=0x1c -device edu,bus=pcie.0,addr=0x5\nmachine: q35\n"
    assert commandline(config)[-4:] == ["-device", '{"driver":"edu","bus":"ua-pci-0","addr":"0x1c"}', "-device", "edu,bus=pcie.0,addr=0x5"]


def test_set_becomes_an_override() -> None:
    config = "args: -set device.net0.csum=off -set device.net0.vectors=9 -set device.net0.csum=on -set device.balloon0.addr=0x9\n"
    config += "memory: 512\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"
    text = bridge.convert(config, to="xml", source="conf", host=HOST).text
    found = {
        (device.get("alias"), *node.attrib.values())
        for device in etree.fromstring(text).iter("{http://libvirt.org/schemas/domain/qemu/1.0}device")
        for node in device.iter("{http://libvirt.org/schemas/domain/qemu/1.0}property")
    }
    assert found == {
        ("ua-net0", "csum", "bool", "true"),
        ("ua-net0", "vectors", "unsigned", "9"),
        ("balloon0", "addr", "string", "0x9"),
    }
    assert bridge.convert(text, to="conf", source="xml", host=HOST, trust_metadata=True).text == config
    edited = text.replace('value="9"', 'value="8"')
    result = bridge.convert(edited, to="conf", source="xml", host=HOST, args=False)
    assert "withheld" in {finding.kind for finding in result.findings}
    assert "args" not in result.text


OVERRIDE = """<qemu:override xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><qemu:device alias="ua-card"><qemu:frontend>
  <qemu:property name="csum" type="bool" value="false"/><qemu:property name="mq" type="remove"/>
  <qemu:property name="romfile" type="string" value="/etc/passwd"/><qemu:property name="vectors" type="unsigned" value="7"/>
</qemu:frontend></qemu:device></qemu:override>"""


def test_an_override_that_no_key_holds_comes_back_as_set() -> None:
    card = "<interface type='user'><mac address='bc:24:11:00:00:01'/><model type='virtio'/><alias name='ua-card'/></interface>"
    text = domain(f"<devices>{card}</devices>{OVERRIDE}")
    result = bridge.convert(text, to="conf", source="xml", host=HOST, args=True)
    assert "args: -set device.net0.csum=off -set device.net0.vectors=7\n" in result.text
    lost = [finding.message for finding in result.findings if finding.kind == "unknown"]
    assert [message.split(" ")[2] for message in lost] == ["mq=None", "romfile=/etc/passwd"]
    plain = bridge.convert(text, to="conf", source="xml", host=HOST, trust_metadata=True)
    assert "args" not in plain.text
    assert len([finding for finding in plain.findings if finding.kind == "unknown"]) == 4


@pytest.mark.parametrize("args", [args for args, wanted in LATE if wanted and "-set" not in args and "{" not in args])
def test_a_device_of_args_comes_back_plain_without_the_residue(args: str) -> None:
    config = f"args: {args}\nmemory: 512\nscsi0: local:100/vm-100-disk-0.raw\nscsihw: virtio-scsi-pci\n"
    again = back(config)["args"]
    assert "{" not in again
    assert commandline(config.replace(args, again))[-2:] == commandline(config)[-2:]


def test_the_types_of_properties_are_qemus(qemu_start: Callable[[list[str]], Qemu]) -> None:
    """What the tables know of the devices that a user can create is right, and nearly all of it is there."""
    qemu = qemu_start(["kvm", "-machine", "pc"])
    listed = subprocess.run(["qemu-system-x86_64", "-device", "help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r'^name "([^"]+)"', listed, re.MULTILINE))
    wrong, known, all_ = {}, 0, 0
    for driver in sorted(name for name in names if not name.endswith("-cpu")):
        for prop in qemu.qmp("device-list-properties", typename=driver):
            kind = _json_type(prop["type"])
            found = type_of(driver, prop["name"])
            all_ += 1
            known += found is not None
            if kind and found not in (None, kind):
                wrong[driver, prop["name"]] = (found, kind)
    assert wrong == {}
    assert known > 0.85 * all_


def _json_type(named: str) -> str | None:
    if named.startswith(("child<", "link<irq", "link<memory-region")) or named in ("list", "busnr", "guest statistics"):
        return None
    return "switch" if named == "bool" else "number" if re.fullmatch(r"u?int[0-9]*|size", named) else "text"
