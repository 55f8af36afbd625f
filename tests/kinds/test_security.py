"""amd-sev and intel-tdx: policy, refusals, and the way back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import back, domain, findings, pieces, refusal, values

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
SEV = {"sev-support": True, "sev-support-es": True, "sev-support-snp": True, "cbitpos": 51, "reduced-phys-bits": 6}
HOST = bridge.HostFacts(qemu_version="11.0.2", hw_capabilities={"amd-sev": SEV, "intel-tdx": {"tdx-support": True}})
NONE = bridge.HostFacts(qemu_version="11.0.2", hw_capabilities={"amd-sev": {"sev-support": False}})


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("amd-sev: std", "sev-guest,id=sev0,cbitpos=51,reduced-phys-bits=6,policy=0x8"),
        (
            "amd-sev: es,no-debug=1,no-key-sharing=1,kernel-hashes=1",
            "sev-guest,id=sev0,cbitpos=51,reduced-phys-bits=6,policy=0xf,kernel-hashes=on",
        ),
        ("amd-sev: snp", "sev-snp-guest,id=sev0,cbitpos=51,reduced-phys-bits=6,policy=0xb0000"),
        ("amd-sev: snp,allow-smt=0,no-debug=1", "sev-snp-guest,id=sev0,cbitpos=51,reduced-phys-bits=6,policy=0x20000"),
        ("intel-tdx: tdx,attestation=0", '{"id":"tdx0","qom-type":"tdx-guest"}'),
    ],
)
def test_object(option: str, wanted: str) -> None:
    assert wanted in values(f"bios: ovmf\n{option}\n", "-object", HOST)


def test_refusals() -> None:
    assert refusal("amd-sev: std\n", HOST) == "To use AMD SEV, you need to change the BIOS to OVMF."
    assert refusal("amd-sev: std\nbios: ovmf\n", NONE) == "Your CPU does not support AMD SEV."
    assert refusal("intel-tdx: tdx,attestation=0\nbios: ovmf\n", NONE) == "Your CPU does not support Intel TDX."
    assert refusal("intel-tdx: tdx,attestation=1\nbios: ovmf\n", HOST) == "Missing cid for vsock."


def test_xml() -> None:
    numbers = "<cbitpos>51</cbitpos><reducedPhysBits>6</reducedPhysBits><policy>0x000c</policy>"
    wanted = f'<launchSecurity xmlns:qemu="{QEMU}" type="sev">{numbers}</launchSecurity>'
    assert pieces("bios: ovmf\namd-sev: es\n", "launchSecurity", HOST) == [wanted]


@pytest.mark.parametrize("option", ["std", "es,no-debug=1,no-key-sharing=1", "snp", "snp,allow-smt=0,kernel-hashes=1,no-debug=1"])
def test_back(option: str) -> None:
    assert back(f"bios: ovmf\namd-sev: {option}\n", HOST)["amd-sev"] == option


@pytest.mark.parametrize("option", ["tdx,attestation=0", "tdx,attestation=1,vsock-cid=2,vsock-port=4050"])
def test_tdx_comes_back(option: str) -> None:
    assert back(f"bios: ovmf\nintel-tdx: {option}\n", HOST)["intel-tdx"] == option


def test_a_policy_of_its_own_is_named() -> None:
    text = domain("<launchSecurity type='sev'><policy>0x0001</policy><dhCert>AAA</dhCert></launchSecurity>")
    assert any("0x1 has bits" in message for message in findings(text, "guest-changed", HOST))
    assert any("<dhCert>AAA</dhCert>" in message for message in findings(text, "guest-lost", HOST))
