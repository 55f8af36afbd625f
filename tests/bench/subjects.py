"""What is measured, a function for each: milliseconds by case, or figures of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lxml import etree

import bridge
from tests.bench.cases import VMID, Case, fleet, host_directory
from tests.bench.measure import Run, milliseconds, once, start_up, watched
from tests.corpus import ROOT

Times = list[float | None]
"""Milliseconds by case; None where it could not be measured."""

PATIENCE = 600
"""Seconds for libvirt and all domains."""
SAMPLE = "samples/iothreads.conf"


Action = Callable[[Case], object]


def warm(action: Action, cases: list[Case]) -> Times:
    """Each case some times in a row, the garbage collector off."""
    return [milliseconds(partial(action, case)) for case in cases]


def cold(action: Action, cases: list[Case]) -> float:
    """All cases, each once, the garbage collector on: milliseconds a case."""
    return once(partial(action, case) for case in cases) / len(cases)


def config_to_argv(case: Case) -> object:
    return bridge.convert(case.conf, "argv", "conf", vmid=VMID, host=case.host)


def config_to_xml(case: Case) -> object:
    """Without metadata, so without the self-proof."""
    return bridge.convert(case.conf, "xml", "conf", vmid=VMID, host=case.host, metadata=False)


def config_to_proved_xml(case: Case) -> object:
    return bridge.convert(case.conf, "xml", "conf", vmid=VMID, host=case.host)


def xml_to_config(case: Case) -> object:
    return bridge.convert(case.xml, "conf", "xml", vmid=VMID, host=case.host)


def bare_xml_to_config(case: Case) -> object:
    """Of XML without metadata, as of everybody else."""
    return bridge.convert(case.bare, "conf", "xml", vmid=VMID, host=case.host)


def lxml_parse_and_serialise(case: Case) -> object:
    return etree.tostring(etree.fromstring(case.xml))


def libvirt(cases: list[Case]) -> tuple[Times, Times]:
    """domxml-to-native and define of the same XML; domains that libvirt here refuses are left out."""
    listed = subprocess.run(["qemu-system-x86_64", "-machine", "help"], capture_output=True, text=True).stdout
    machines = set(re.findall(r"^(\S+)", listed, re.MULTILINE))
    domains = [_fitting(case.bare, machines) for case in cases]
    measured: list[list[float] | None] = []
    while len(measured) < len(domains):
        measured += _libvirt_calls(domains[len(measured) :])
    return [found[0] if found else None for found in measured], [found[1] if found else None for found in measured]


def _libvirt_calls(domains: list[str]) -> list[list[float] | None]:
    """As many as the child gets done; one that ends or hangs it counts as refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(domains, file)
        file.flush()
        command = [sys.executable, "-m", "tests.bench.libvirt_calls", file.name]
        try:
            said = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=PATIENCE).stdout
        except subprocess.TimeoutExpired as expired:
            said = expired.stdout or b""
    found = [json.loads(line) for line in said.split(b"\n") if line.endswith((b"]", b"null"))]
    return found if len(found) == len(domains) else [*found, None]


def _fitting(xml: str, machines: set[str]) -> str:
    """The XML as libvirt here takes it: without KVM where there is none, without machines that this QEMU does not have."""
    if not os.access("/dev/kvm", os.W_OK):
        xml = xml.replace('type="kvm"', 'type="qemu"', 1)
    machine = re.search(r'machine="([^"]*)"', xml)
    if machine and machine[1] not in machines:
        xml = xml.replace(machine[0], f'machine="{"q35" if "q35" in machine[1] else "pc"}"')
    return xml


def start_up_bare() -> float:
    return start_up("-c", "pass")


def start_up_version() -> float:
    return start_up("-m", "bridge", "--version")


def start_up_conversion() -> float:
    return start_up("-m", "bridge", "to-xml", SAMPLE, "--report", "none")


def every_slot() -> dict[str, float]:
    """A config with 31 SCSI and 16 virtio disks, 32 network cards and 16 PCI devices: milliseconds each way."""
    lines = ["machine: q35", "memory: 4096", "scsihw: virtio-scsi-single"]
    lines += [f"scsi{n}: local:{VMID}/vm-{VMID}-disk-{n}.raw,iothread=1" for n in range(31)]
    lines += [f"virtio{n}: local:{VMID}/vm-{VMID}-disk-{n + 31}.raw,iothread=1" for n in range(16)]
    lines += [f"net{n}: virtio=BC:24:11:00:00:{n:02X},bridge=vmbr0" for n in range(32)]
    lines += [f"hostpci{n}: 01:{n:02x}.0" for n in range(16)]
    text = "".join(line + "\n" for line in sorted(lines))
    case = Case("every slot", text, bridge.HostFacts(), "", bridge.convert(text, "xml", "conf", vmid=VMID).text)
    return {
        "config to argv": _only(warm(config_to_argv, [case])),
        "config to XML": _only(warm(config_to_xml, [case])),
        "config to XML with self-proof": _only(warm(config_to_proved_xml, [case])),
        "XML to config": _only(warm(xml_to_config, [case])),
    }


def _only(times: Times) -> float:
    [found] = times
    assert found is not None
    return found


def fleet_run(count: int, command: str = "to-xml", *, jobs: int | None = None) -> Run:
    """`virt-qm COMMAND DIR -o DIR` over so many configs."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        configs = fleet(Path(directory), count)
        words = [command, str(configs), "-o", f"{directory}/out", "--host", str(host_directory()), "--report", "none"]
        return watched("-m", "bridge", *words, *(["--jobs", str(jobs)] if jobs else []))
