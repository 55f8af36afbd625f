"""What becomes of libvirt's own test domains: the index says what is to be expected of each, and so it must come.

The printed tally has a row for each tier.
"""

from __future__ import annotations

from collections import Counter

import pytest

import bridge
from tests.foreign.domains import PLACEMENT, Domain, converted, domains

ALLOWED = {"T1": ("note", "data"), "T2h": ("note", "data", "host")}
"""Severities that a tier may have when storages and bridges are named; what is to be copied (`data`) is not a loss."""
ENOUGH = 0.95

EXPLAINED = {
    "cpu-minimum1": "match='minimum' gave the guest every other feature of its host's CPU, which the XML does not name",
    "firmware-manual-efi-rw": "code and variables in one image of its own, which the guest may write: a config has no such firmware",
    "firmware-manual-efi-secboot": "secure='yes' protects the variables from the guest's kernel; qemu-server never asks for that",
    "firmware-manual-efi-no-enrolled-keys": "the same",
    "watchdog": "QEMU refuses the ib700 as qemu-server gives it (mapping-devices 20)",
    "watchdog-dump": "the same",
    "watchdog-injectnmi": "the same",
    "video-none-device": "the VNC server had nothing to show; under qemu-server there is none without a card",
    "virtio-rng-multiple": "a config has one rng; the guest had two",
    "clock-absolute": "`startdate` holds an absolute clock",
    "disk-cdrom-empty-network-invalid": "an empty drive needs no storage",
    "intel-iommu-caching-mode": "from machine 8.0 on the chipset's watchdog is armed anyway, and viommu=intel splits the irqchip",
    "firmware-auto-efi-format-nvram-qcow2-network-nbd": "variables on a network are to be copied, or start fresh",
    "firmware-manual-efi-nvram-network-nbd": "the same",
    "async-teardown": "how the host frees the memory, after the guest is gone",
    "balloon-device-deflate-off": "QEMU's own default, spelled out",
    "pv-spinlock-disabled": "TCG has no such feature to switch off",
}
"""Domains that the index judges otherwise, and why."""
REJUDGED = dict.fromkeys(("net-hostdev", "net-hostdev-bootorder", "net-hostdev-vfio-multidomain"), "T3")
"""The index took the MAC address and VLAN of a passed card for the host's; the guest sees them, and a config does not set them."""


def tier_of(domain: Domain) -> str:
    return REJUDGED.get(domain.name, domain.tier)


def agrees(domain: Domain, result: bridge.Result | bridge.BridgeError) -> bool:
    """Whether the findings say what the tier says of the domain."""
    if isinstance(result, bridge.BridgeError):
        return domain.tier in ("T3", "T4") or (domain.tier == "T2a" and "on request only" in result.message)
    severities = {f.severity for f in result.findings if f.kind not in PLACEMENT}
    tier = tier_of(domain)
    if tier in ALLOWED:
        return severities <= set(ALLOWED[tier])
    return bool(severities & ({"guest", "host"} if tier == "T2a" else {"guest"}))


def result_of(domain: Domain, args: bool | None = None) -> bridge.Result | bridge.BridgeError:
    try:
        return converted(domain, args=args)
    except bridge.BridgeError as error:
        return error


@pytest.mark.usefixtures("shared")
def test_each_tier_loses_no_more_than_it_must(capsys: pytest.CaptureFixture[str]) -> None:
    agree: Counter[str] = Counter()
    total: Counter[str] = Counter()
    surprises = {}
    for domain in domains():
        result = result_of(domain)
        total[tier_of(domain)] += 1
        agree[tier_of(domain)] += agrees(domain, result)
        if agrees(domain, result) is (domain.name in EXPLAINED):
            surprises[domain.name] = str(result) if isinstance(result, bridge.BridgeError) else result.findings
    with capsys.disabled():
        print("\ntier  agrees with the index")
        for tier in sorted(total):
            print(f"{tier:4}  {agree[tier]:3} of {total[tier]:3} ({agree[tier] / total[tier]:.1%})")
    assert not surprises
    assert all(agree[tier] >= ENOUGH * total[tier] - 1 for tier in total)  # a tier of three has one that is explained
