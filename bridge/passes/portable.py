"""Paths of a Proxmox VE node in a VM that a host of libvirt will run: its sockets, firmware, boot picture."""

from __future__ import annotations

from ..core.report import Report
from ..data.firmware import PICTURE, PICTURE_THERE, own_vars, stock
from ..data.gates import Target
from ..host.facts import HostFacts
from ..model.boot import Boot
from ..model.disk import Source
from ..model.firmware import Firmware
from ..model.net import NETWORK, Net
from ..model.vm import VM
from .fill import change


def portable(vm: VM, host: HostFacts, target: Target, report: Report) -> VM:
    """Law: the domain starts on a host that has libvirt, QEMU and its distribution's firmware, and whatever files findings name.

    A socket that is not said is libvirt's to choose. A target that is a node keeps its paths, but for what libvirt takes nowhere.
    """
    firmware = _reachable(vm, report)
    if host.network_map:
        vm = change(vm, nets=[_on_network(net, host, report) for net in vm.nets])
    if target.node:
        return change(vm, firmware=firmware)
    return change(
        vm,
        firmware=_stock(firmware, host, report),
        boot=_picture(vm.boot, host, target, report),
        agent=change(vm.agent, socket=None),
        serials=[change(serial, socket=None) for serial in vm.serials],
        display=change(vm.display, vnc_socket=None, spice_port=None, spice_address=None),
    )


def _on_network(net: Net, host: HostFacts, report: Report) -> Net:
    """What Open vSwitch needs to know is the network's own."""
    there = host.network_map.get(net.bridge or "")
    if not there:
        return net
    if net.tag is not None or net.trunks:
        message = f"{net.key}: libvirt starts a VLAN only on a network that is a bridge or a virtual switch (<forward mode='bridge'/>)"
        report.add("lint", net.where, message, f"see virsh net-dumpxml {there}; another network of its own for the VLAN does without")
    return change(net, bridge=None, network=f"{NETWORK}{there}", openvswitch=None)


def _reachable(vm: VM, report: Report) -> Firmware:
    """libvirt starts with variables in a file, on a device or in the network, and with none in a pool."""
    firmware = vm.firmware
    if firmware.bios != "ovmf" or firmware.vars is None or firmware.vars.kind != "volume":
        return firmware
    path = own_vars(vm.meta.vmid)
    message = f"efidisk0: libvirt starts with no variables on {firmware.vars.volid}: it makes new ones, in {path}"
    report.add("firmware-state", firmware.where, message, "copy them there before the first start, as raw, to keep them")
    return change(firmware, vars=Source(kind="file", path=path, format="raw", where=firmware.vars.where), format="raw", fresh=True)


def _stock(firmware: Firmware, host: HostFacts, report: Report) -> Firmware:
    """The distribution's files; those that the user's map names are there already."""
    code, template = (_elsewhere(path, host) for path in (firmware.code, firmware.template))
    if firmware.target_code is None and code is not None:
        message = f"the firmware is the target's own build, {code}, in place of qemu-server's"
        report.add("normalised", firmware.where, message, f"--host-fact firmware_map.{firmware.code}=PATH names another")
    return change(firmware, target_code=firmware.target_code or code, target_template=firmware.target_template or template)


def _elsewhere(path: str | None, host: HostFacts) -> str | None:
    there = stock(path) if path is not None else None
    return host.firmware_map.get(there, there) if there is not None else None


def _picture(boot: Boot, host: HostFacts, target: Target, report: Report) -> Boot:
    if boot.splash != PICTURE:
        return boot
    if target.clean:
        report.add("guest-changed", None, "the boot picture is left out: XML says it by qemu:commandline alone; one fw_cfg file less")
        return change(boot, splash=None)
    there = host.firmware_map.get(PICTURE)
    if there is None:
        there = PICTURE_THERE
        message = f"the boot picture is looked for in {there}; without it the guest has one fw_cfg file less"
        report.add("boot-picture", None, message, "put any JPEG there")
    return change(boot, splash=there)
