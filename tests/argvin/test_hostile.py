"""Hostile command lines: nothing of them is run, opened or probed, and no path or secret gets where it must not (security-rules)."""

from __future__ import annotations

import contextlib
import json
import time

import pytest

import bridge

QEMU = "qemu-system-x86_64"
NEVER = ("evil", "exec:", "hunter2", "/etc/", "/proc/", "\x1b", "lock: ")


@pytest.mark.parametrize("to", ["xml", "conf"])
@pytest.mark.parametrize("args", [None, True])
@pytest.mark.parametrize(
    "line",
    [
        "-netdev tap,id=n,script=/tmp/evil.sh,downscript=/tmp/evil -device e1000,netdev=n",
        "-usb -netdev tap,id=n,script=/tmp/evil.sh -device usb-net,netdev=n",
        "-netdev bridge,id=n,helper=/tmp/evil,br=br0 -device e1000,netdev=n",
        "-incoming 'exec:cat /tmp/evil'",
        "-loadvm evil",
        "-object secret,id=s0,data=hunter2 -vnc :0,password-secret=s0",
        "-object secret,id=s0,file=/etc/shadow",
        "-chardev file,id=c,path=/etc/passwd -device isa-serial,chardev=c",
        "-serial file:/etc/cron.d/evil",
        "-fw_cfg name=opt/x,file=/etc/shadow",
        "-acpitable file=/etc/shadow",
        "-bios /etc/shadow",
        "-readconfig /etc/evil.cfg",
        "-virtfs local,path=/etc/,security_model=none,mount_tag=x",
        "-device e1000,romfile=/etc/shadow",
        "-plugin /tmp/evil.so -L /tmp/evil -pidfile /etc/passwd -D /etc/shadow -daemonize",
        "-m 1G -object memory-backend-file,id=m,size=1G,mem-path=/etc/evil -machine memory-backend=m",
    ],
)
def test_what_must_not_get_through_does_not(line: str, args: bool | None, to: bridge.Format) -> None:
    result = bridge.convert(f"{QEMU} {line}", to, "argv", args=args)
    assert [word for word in NEVER if word in result.text] == []
    assert "hunter2" not in "".join(finding.message + finding.hint + finding.where for finding in result.findings)


@pytest.mark.parametrize("to", ["xml", "conf"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-drive file=/proc/kcore,format=raw,if=virtio", "no images"),
        ("-drive file=/srv/../etc/shadow,format=raw", "shortest form"),
        ("-hda disk.raw", "write it in full"),
        ("-kernel /proc/self/environ", "no kernels"),
        ("-name 'a\x1bb'", "control character"),
        ("-name 'a\nargs: -evil'", "control character"),
        ("-smbios 'type=1,serial=a\nlock: x'", "control character"),
        ("-smp 99999999", "not a number of CPUs"),
        ("-m 99999999999999T", "not an amount of memory"),
        ("-device virtio-rng-pci " * 50, "no free slot"),
        ("-device", "needs a value"),
        ("-m $(cat /tmp/evil)", "only a shell knows"),
        ("-m `cat /tmp/evil`", "only a shell knows"),
        ("-device virtio-blk-pci,drive=nowhere", "no drive 'nowhere'"),
        ("-device e1000,bus=nowhere", "no device makes the bus"),
        ("-device e1000,addr=0x3f", "not a place on a PCI bus"),
        ("-device e1000,mac=01:00:00:00:00:01", "not a unicast MAC"),
        ("-uuid 1234", "is not a UUID"),
        ("-m 1G -object memory-backend-ram,id=m,size=2G -machine memory-backend=m", "QEMU refuses"),
        ("-drive file=/srv/a,format=evil", "QEMU knows"),
        ("-netdev user,id=n -netdev user,id=n", "is there twice"),
    ],
)
def test_bad_line_is_one_clear_line(line: str, said: str, to: bridge.Format) -> None:
    with pytest.raises(bridge.BridgeError) as caught:
        bridge.convert(f"{QEMU} {line}", to, "argv")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_block_nodes_that_stand_on_themselves_end() -> None:
    nodes = [{"driver": "raw", "node-name": a, "file": b} for a, b in (("a", "b"), ("b", "a"))]
    words = [QEMU, *(word for node in nodes for word in ("-blockdev", json.dumps(node))), "-device", "virtio-blk-pci,drive=a"]
    with pytest.raises(bridge.BridgeError, match="stands on itself"):
        bridge.convert(json.dumps(words), "xml")


def test_deep_json_is_no_crash() -> None:
    with pytest.raises(bridge.BridgeError, match="no JSON object"):
        bridge.convert("\0".join((QEMU, "-blockdev", '{"file":' * 100_000)), "xml", "argv")


def node(name: str, **more: object) -> list[str]:
    return ["-blockdev", json.dumps({"driver": "raw", "node-name": name, **more})]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (node("a", file="a"), "stands on itself"),
        ([*node("b", file="c"), *node("c", file="b"), *node("a", file="b")], "stands on itself"),
        (["-blockdev", '{"driver":"qcow2","node-name":"a","backing":"a","file":{"driver":"file","filename":"/a"}}'], "stands on itself"),
        (["-blockdev", '{"driver":"raw","node-name":"a","file":' * 500 + '"x"' + "}" * 500], "nested more than"),
    ],
)
@pytest.mark.parametrize("to", ["xml", "conf"])
def test_nodes_without_an_end_are_one_line(words: list[str], said: str, to: bridge.Format) -> None:
    with pytest.raises(bridge.BridgeError, match=said):
        bridge.convert("\0".join((QEMU, *words, "-device", "virtio-blk-pci,drive=a")), to, "argv")


@pytest.mark.parametrize(
    "text",
    [
        f"{QEMU} -append {'a' * 900_000}",
        "#!/bin/sh\n" + "A=$A$A\nA=x$A$A\n" * 9_000 + f"{QEMU} -m $A\n",
        "#!/bin/sh\nA0=aaaaaaaaaa\n" + "".join(f"A{n + 1}=$A{n}$A{n}$A{n}\n" for n in range(40)) + f"{QEMU} -name $A40\n",
        f"{QEMU} -name '{'a b' * 300_000}'",
        f"{QEMU} {'-device virtio-rng-pci,bus=nowhere ' * 15_000}",
        f"{QEMU} -nodefaults {' '.join(f'-drive if=none,id=d{n},file=/d{n},format=raw' for n in range(9_000))}",
        f"{QEMU} -nodefaults -device e1000,{','.join(f'p{n}=1' for n in range(3_000))}",
    ],
)
def test_a_huge_line_ends_in_time(text: str) -> None:
    start = time.process_time()
    with contextlib.suppress(bridge.BridgeError):
        bridge.convert(text, "xml", "argv")
    assert time.process_time() - start < 10  # quadratic, each took longer
