"""The machinery of the tests itself: libvirt's embedded driver and QEMU really start things, and say so when they cannot."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from bridge.operations.pin import cpus
from tests import processes
from tests.corpus import Row
from tests.embed import domain
from tests.embed.driver import DriverError, EmbeddedDriver, IOThread
from tests.embed.qemu import Qemu, QMPError

pytestmark = pytest.mark.slow

FOUR_IOTHREADS = """
<domain type='kvm'>
  <name>pool</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <iothreads>4</iothreads>
  <cputune>
    <iothreadpin iothread='1' cpuset='0'/>
    <iothreadpin iothread='2' cpuset='{last}'/>
    <iothreadpin iothread='3' cpuset='0-{last}'/>
    <iothreadpin iothread='4' cpuset='{beyond}'/>
  </cputune>
  <os><type arch='x86_64' machine='pc-q35-99.0+pve1'>hvm</type></os>
  <devices>
    <disk type='block' device='disk'>
      <driver name='qemu' type='qcow2' queues='4'>
        <iothreads><iothread id='1'/><iothread id='2'/><iothread id='3'/><iothread id='4'/></iothreads>
      </driver>
      <source dev='/dev/no-such-group/vm-1-disk-0'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='bc:24:11:00:00:01'/><source bridge='vmbr0'/><model type='virtio'/>
    </interface>
    <memballoon model='none'/>
  </devices>
</domain>
"""

VIRTIO_BLK = (
    '{"addr":"0xa","bus":"pci.0","drive":"drive-virtio0","driver":"virtio-blk-pci","id":"virtio0",'
    '"iothread-vq-mapping":[{"iothread":"iothread0"},{"iothread":"iothread1"}]}'
)
SERVER = [
    *("/usr/bin/taskset", "--cpu-list", "--all-tasks", "0", "/usr/bin/kvm", "-id", "1", "-name", "vm1,debug-threads=on", "-daemonize"),
    *("-chardev", "socket,id=qmp,path=/var/run/qemu-server/1.qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control"),
    *("-pidfile", "/var/run/qemu-server/1.pid", "-nodefaults", "-vnc", "unix:/var/run/qemu-server/1.vnc,password=on"),
    *("-cpu", "host,enforce,+kvm_pv_eoi", "-m", "64", "-smp", "1", "-readconfig", "/usr/share/qemu-server/pve-q35-4.0.cfg"),
    *("-object", '{"id":"iothread0","qom-type":"iothread"}', "-object", '{"id":"iothread1","qom-type":"iothread"}'),
    *("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/pve-edk2-firmware//OVMF_CODE_4M.fd"),
    *("-device", "vfio-pci,host=0000:01:00.0,id=hostpci0,bus=ich9-pcie-port-1,addr=0x0"),
    *("-blockdev", '{"driver":"raw","file":{"driver":"host_device","filename":"/dev/vg/d","node-name":"e1"},"node-name":"drive-virtio0"}'),
    *("-device", VIRTIO_BLK),
    *("-netdev", "type=tap,id=net0,ifname=tap1i0,script=/usr/libexec/qemu-server/pve-bridge,vhost=on"),
    *("-device", "virtio-net-pci,mac=BC:24:11:00:00:01,netdev=net0,bus=pci.0,addr=0x12,id=net0"),
    *("-machine", "hpet=off,smm=off,type=pc-q35-99.0+pve1"),
]


@pytest.fixture
def pool(tmp_path: Path) -> str:
    cpus = os.cpu_count() or 1
    return domain.startable(FOUR_IOTHREADS.format(last=cpus - 1, beyond=cpus), tmp_path)


def test_a_domain_runs_its_iothreads_where_their_pins_say(embed: EmbeddedDriver, pool: str) -> None:
    every = tuple(range(os.cpu_count() or 1))
    threads = [IOThread(1, (0,)), IOThread(2, every[-1:]), IOThread(3, every), IOThread(4, every)]
    assert embed.define(pool) == "pool"
    assert embed.iothreadinfo("pool") == threads
    embed.start("pool")
    assert embed.iothreadinfo("pool") == threads
    allowed = dict(processes.threads(embed.pid("pool")).values())
    assert [cpus(allowed[f"IO iothread{thread.id}"]) for thread in threads] == [set(thread.cpus) for thread in threads]
    root = etree.fromstring(embed.dumpxml("pool", inactive=False).encode())
    assert [e.get("id") for e in root.findall("devices/disk/driver/iothreads/iothread")] == ["1", "2", "3", "4"]
    embed.destroy("pool")
    with pytest.raises(FileNotFoundError):
        embed.pid("pool")
    embed.undefine("pool")
    assert embed.domains() == []


def test_the_driver_says_what_libvirt_refuses(embed: EmbeddedDriver, pool: str) -> None:
    with pytest.raises(DriverError, match="frobnicate"):
        embed.define(pool.replace("<vcpu>", "<frobnicate/><vcpu>"))
    with pytest.raises(DriverError, match="no domain with matching name"):
        embed.start("nobody")
    assert "-nodefaults" in embed.native(pool)


def test_a_driver_that_hangs_or_dies_is_an_error_and_starts_again(pool: str) -> None:
    driver = EmbeddedDriver(time_limit=0.1)
    try:
        driver._started().send_signal(signal.SIGSTOP)
        with pytest.raises(DriverError, match="did not answer"):
            driver.domains()
        driver.time_limit = processes.PATIENCE
        driver.define(pool)
        driver.start("pool")
        assert driver.pid("pool") in processes.naming(str(driver.root))
        driver._started().kill()
        with pytest.raises(DriverError, match="died"):
            driver.domains()
        assert processes.naming(str(driver.root)) == set()
        assert driver.domains() == ["pool"]
    finally:
        driver.close()
    assert not driver.root.exists()


def test_a_command_line_of_qemu_server_starts_here(qemu_start: Callable[[list[str]], Qemu]) -> None:
    qemu = qemu_start(SERVER)
    assert qemu.qmp("query-status")["status"] == "prelaunch"
    assert [thread["id"] for thread in qemu.qmp("query-iothreads")] == ["iothread0", "iothread1"]
    assert qemu.qmp("qom-get", path="/machine/peripheral/net0", property="mac") == "bc:24:11:00:00:01"
    mapping = qemu.qmp("qom-get", path="/machine/peripheral/virtio0", property="iothread-vq-mapping")
    assert [entry["iothread"] for entry in mapping] == ["iothread0", "iothread1"]
    tree = qemu.monitor("info qtree")
    assert 'dev: pci-testdev, id "hostpci0"' in tree
    assert 'dev: ich9-usb-uhci6, id "uhci-6"' in tree
    assert Path(f"/proc/{qemu.pid}").exists()
    assert qemu.socket.is_socket()


def test_a_command_line_that_cannot_start_says_why(qemu_start: Callable[[list[str]], Qemu]) -> None:
    with pytest.raises(QMPError, match="no-such-device"):
        qemu_start([*SERVER, "-device", "no-such-device"])
    with pytest.raises(QMPError, match="no-such-command"):
        qemu_start(SERVER).qmp("no-such-command")


@pytest.mark.corpus("random.jsonl", "random-extra.jsonl", sample=12)
def test_reference_command_lines_start(row: Row, qemu_start: Callable[[list[str]], Qemu]) -> None:
    argv = row.get("argv", [])
    if not argv or any(word.startswith(("ib700,bus=pci.0", "foo,")) for word in argv):  # an error, or what no QEMU starts
        return
    names = {entry["name"] for entry in qemu_start(argv).qmp("qom-list", path="/machine/peripheral")}
    assert {word.split("netdev=")[1].split(",")[0] for word in argv if ",netdev=" in word} <= names


def test_schemas_of_old_and_new_libvirt_validate_a_domain(libvirt_schemas: dict[str, Path], pool: str) -> None:
    assert len(libvirt_schemas) >= 2
    for version, path in libvirt_schemas.items():
        schema = etree.RelaxNG(file=str(path))
        root = etree.fromstring(pool.encode())
        if tuple(map(int, version.split("."))) < (10, 0):
            assert not schema.validate(root)
            driver = root.find("devices/disk/driver")
            assert driver is not None
            driver.remove(driver[0])
        assert schema.validate(root), f"{version}: {schema.error_log}"
