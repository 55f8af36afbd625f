"""Which functions of the host a hostpciN passes on (qemu-server 9.2.6, PCI.pm; mapping-devices 14)."""

from __future__ import annotations

import re

from ...core.report import BridgeError, Report
from ...host.facts import HostFacts
from ...host.mapping import missing, pci_alternatives, pci_functions
from ...model.hostpci import HostPCI
from ...model.vm import VM
from ..fill import change, fill, forget

NVIDIA = re.compile(r"nvidia-[0-9]+")
IGD = "02.0"
"""End of the host address that legacy-igd works for."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: no function of the host is passed on twice. Raises BridgeError for what qemu-server refuses."""
    if not vm.hostpcis:
        return vm
    parsed = []
    igd = False
    for device in vm.hostpcis:
        found = _alternatives(device, vm, host, report)
        if device.legacy_igd:
            problem = "only one device can be assigned in legacy-igd mode" if igd else _igd_problem(device, found, vm)
            if problem:
                raise BridgeError(problem, device.where)
            igd = True
        parsed.append(found)
    used: set[str] = set()
    return change(vm, hostpcis=[_choose(device, found, vm, host, used) for device, found in zip(vm.hostpcis, parsed, strict=True)])


def _alternatives(device: HostPCI, vm: VM, host: HostFacts, report: Report) -> list[list[str]]:
    """The functions of each alternative. Raises BridgeError."""
    if device.host is not None and device.mapping is not None:
        raise BridgeError("Cannot set both 'host' and 'mapping'.", device.where)
    if device.mapping:
        hint = missing(host, "pci", device.mapping)
        if hint:
            report.add("resource-unknown", device.where, f"the mapping '{device.mapping}' of {device.key} is not in the host facts", hint)
            return []
        found = pci_alternatives(host, device.mapping)
    elif device.host:
        parts = [pci_functions(host, text) for text in device.host.split(";")]
        found = [[function for functions in parts for function in functions]] if all(parts) else [[]]
    else:
        raise BridgeError("Either 'host' or 'mapping' must be set.", device.where)
    if device.mdev and any(len(functions) > 1 for functions in found):
        raise BridgeError("cannot use mediated device with multifunction device", device.where)
    if device.pcie and vm.machine.base != "q35":
        raise BridgeError("q35 machine model is not enabled", device.where)
    if not all(found):
        said = device.mapping or device.host
        message = f"{device.key}: {said} means all functions of a device, and which it has is not in the host facts: it is left out"
        report.add("resource-unknown", device.where, message, f"name them: --host-fact pci.present={_example(said or '')}")
        return []
    return found


def _example(said: str) -> str:
    """The first two functions of a device, as a fact names them."""
    device = said.partition(";")[0].partition(".")[0]
    full = device if device.count(":") > 1 else f"0000:{device}"
    return f"{full}.0,{full}.1" if ":" in device else "0000:01:00.0,0000:01:00.1"


def _igd_problem(device: HostPCI, found: list[list[str]], vm: VM) -> str | None:
    """The conditions of legacy-igd; None if they are met."""
    if vm.display.type != "none" or vm.display.memory is not None or vm.display.clipboard is not None:
        return "legacy IGD assignment requires VGA mode to be 'none'"
    if device.rombar is False:
        return "legacy IGD assignment requires rombar to be enabled"
    for problem, what in (
        (device.x_vga, "x-vga"),
        (device.mdev, "mdev"),
        (vm.machine.base == "q35", "q35"),
        (any(len(functions) > 1 for functions in found), "multifunction devices"),
        (len(found) > 1, "alternate devices"),
    ):
        if problem:
            return f"legacy IGD assignment is not compatible with {what}"
    if found and not found[0][0].endswith(IGD):
        return "legacy IGD assignment only works for devices on host bus 00:02.0"
    return None


def _choose(device: HostPCI, found: list[list[str]], vm: VM, host: HostFacts, used: set[str]) -> HostPCI:
    """The first alternative of which nothing is in use."""
    mapping = host.pci_mappings.get(device.mapping or "")
    migration = True if mapping and mapping.live_migration_capable else None
    if not found:
        return device
    info = host.pci_info(found[0][0])
    nvidia = device.mdev and info is not None and info.nvidia and NVIDIA.fullmatch(device.mdev)
    if device.mdev and not nvidia:
        uuid = f"{device.index:08d}-0000-0000-0000-{vm.meta.vmid or 0:012d}"
        return fill(device, ids=[functions[0] for functions in found], mdev_uuid=uuid, enable_migration=migration)
    if len(found) == 1:
        for function in found[0]:
            if function in used:
                raise BridgeError(f"device '{function}' assigned more than once", device.where)
            used.add(function)
        chosen = found[0]
    else:
        free = [functions for functions in found if not used.intersection(functions)]
        if not free:
            raise BridgeError(f"could not find a free device for 'hostpci{device.index}'", device.where)
        chosen = free[0]
        used.update(chosen)
    return fill(device, ids=chosen, multifunction=True if len(chosen) > 1 else None, enable_migration=migration)


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: resolve finds the same functions again, in the same order."""
    if not vm.hostpcis:
        return vm
    return change(vm, hostpcis=[_unresolve(device) for device in vm.hostpcis])


def _unresolve(device: HostPCI) -> HostPCI:
    text = device.host
    if text is None and device.mapping is None and device.ids:
        text = ";".join(device.ids)
    return change(forget(device, "ids", "mdev_uuid", "multifunction", "enable_migration"), host=text)
