"""For tests of code that makes or changes VMs: a config or a domain goes to the other side and comes back the same; two VMs are the same
to their guest; and valid configs and domains by the hundred, for Hypothesis.

    def test_my_template() -> None:
        assert_round_trip(template(disks=3))

    @given(configs())
    def test_my_editor(text: str) -> None:
        assert_same_guest(text, edited(text))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api import Text, diff
from .convert import convert, detect, rewrite_config
from .core.literals import Reading, Severity
from .core.report import SEVERITIES, Finding
from .host.facts import HostFacts

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["assert_round_trip", "assert_same_guest", "configs", "domains"]

VMID = 100


def assert_round_trip(text: Text, *, host: HostFacts | None = None, vmid: int = VMID, worst: Severity = "host") -> None:
    """A config becomes XML and the same config again, as qemu-server would write it; a domain becomes a config and from there a domain that
    becomes the same config. No finding on the way is worse than `worst` (guest, data, host, note).

    Raises AssertionError with what differs, and BridgeError for what cannot be converted at all.
    """
    if detect(text) == "xml":
        there = convert(text, "conf", vmid=vmid, host=host)
        _bearable(there.findings, worst)
        config = there.text
    else:
        config = rewrite_config(text, vmid)
    xml = convert(config, "xml", "conf", vmid=vmid, host=host)
    _bearable(xml.findings, worst)
    back = convert(xml.text, "conf", "xml", vmid=vmid, host=host, trust_metadata=True)
    _bearable(back.findings, worst)
    assert back.text == config, _difference(config, back.text)


def assert_same_guest(a: Text, b: Text, *, host: HostFacts | None = None, backends: bool = False, by: Reading = "model") -> None:
    """A guest could not tell the two VMs apart, whatever formats they are in; with `backends` the host could not, either. `by`: how XML
    becomes a machine, as qemu-server (`model`) or as libvirt here would run it (`libvirt`).

    Raises AssertionError with every difference, and BridgeError for what cannot be compared.
    """
    found = diff(a, b, host=host, backends=backends, by=by)
    assert found.same, "\n".join(f"{each.importance}: {each.what}: {each.a or '-'} / {each.b or '-'}" for each in found.differences)


def _bearable(findings: list[Finding], worst: Severity) -> None:
    rank = SEVERITIES.index(worst)
    wrong = [finding for finding in findings if SEVERITIES.index(finding.severity) < rank]
    assert not wrong, "\n".join(f"{finding.severity}: {finding.where}: {finding.message} [{finding.kind}]" for finding in wrong)


def _difference(wanted: str, found: str) -> str:
    from difflib import unified_diff

    return "\n" + "\n".join(unified_diff(wanted.split("\n"), found.split("\n"), "before", "after", lineterm=""))


# --- strategies

_MAC = "BC:24:11:{:02X}:{:02X}:{:02X}"
_CPUS = ("kvm64", "qemu64", "x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "host", "max", "Haswell", "EPYC")
_OSTYPES = ("l26", "l24", "win11", "win10", "win7", "solaris", "other")
_BUSES = {"ide": 4, "sata": 6, "scsi": 14, "virtio": 16}
_CONTROLLERS = ("virtio-scsi-single", "virtio-scsi-pci", "lsi", "megasas", "pvscsi")
_CARDS = ("virtio", "e1000", "e1000e", "rtl8139", "vmxnet3")


def configs(iothreads: bool = True) -> SearchStrategy[str]:
    """Texts of valid configs, as qemu-server writes them: CPUs, memory, disks on every bus, cards, displays, ports, names.

    Volumes are those of VM 100 on the storage `local`, which every node has; `iothreads`: pools of iothreads, too, which is an RFC.
    Needs the package hypothesis.
    """
    from hypothesis import strategies

    rewrite_config("memory: 16\n", VMID)  # what it imports is not a part of drawing
    drawn: SearchStrategy[str] = strategies.composite(_config)(iothreads)
    return drawn


def domains(iothreads: bool = True) -> SearchStrategy[str]:
    """Texts of valid domain XML, of VMs as `configs` draws them, without the metadata that would give a config away."""
    return configs(iothreads).map(lambda text: convert(text, "xml", "conf", vmid=VMID, metadata=False).text)


def _config(draw: DrawFn, iothreads: bool) -> str:
    from hypothesis import strategies as st

    def one_of(*values: str) -> Any:
        return draw(st.sampled_from(values))

    def maybe(key: str, *values: str) -> dict[str, str]:
        return {key: one_of(*values)} if draw(st.booleans()) else {}

    settings = {
        "name": f"vm{draw(st.integers(0, 99_999))}",
        "memory": str(draw(st.sampled_from((256, 512, 1024, 2048, 4096, 8192)))),
        "cores": str(draw(st.integers(1, 8))),
        "sockets": str(draw(st.integers(1, 2))),
        "cpu": one_of(*_CPUS),
        "ostype": one_of(*_OSTYPES),
        "scsihw": one_of(*_CONTROLLERS),
        "smbios1": f"uuid={draw(st.uuids(version=4))}",
        **maybe("machine", "pc", "q35"),
        **maybe("agent", "1"),
        **maybe("balloon", "0"),
        **maybe("onboot", "1"),
        **maybe("tablet", "0"),
        **maybe("acpi", "0"),
        **maybe("vga", "std", "virtio", "qxl", "serial0", "none"),
        **maybe("rng0", "source=/dev/urandom"),
        **maybe("watchdog", "i6300esb,action=reset"),
    }
    settings["serial0"] = "socket"
    settings |= {f"net{n}": _card(draw, n) for n in range(draw(st.integers(0, 4)))}
    disks = _disks(draw, settings["scsihw"])
    if iothreads and any("iothread=1" in text for text in disks.values()) and draw(st.booleans()):
        settings["iothreads"] = str(draw(st.integers(1, 4)))
    settings |= disks
    if disks:
        settings["boot"] = f"order={next(iter(disks))}"
    return rewrite_config("".join(f"{key}: {settings[key]}\n" for key in sorted(settings)), VMID)


def _card(draw: DrawFn, n: int) -> str:
    from hypothesis import strategies as st

    last = draw(st.tuples(*(st.integers(0, 255),) * 3))
    model = draw(st.sampled_from(_CARDS))
    more = draw(st.sampled_from(("", ",link_down=1", ",tag=7", ",queues=2" if model == "virtio" else "")))
    return f"{model}={_MAC.format(*last)},bridge=vmbr{n}{more}"


def _disks(draw: DrawFn, controller: str) -> dict[str, str]:
    from hypothesis import strategies as st

    places = [f"{bus}{n}" for bus, most in _BUSES.items() for n in range(most) if (bus, n) != ("ide", 2)]
    found = {}
    for number, place in enumerate(draw(st.lists(st.sampled_from(places), max_size=5, unique=True))):
        threaded = place.startswith("virtio") or (place.startswith("scsi") and controller == "virtio-scsi-single")
        form = draw(st.sampled_from(("qcow2", "raw")))
        options = [
            draw(st.sampled_from(("", ",cache=writeback", ",cache=unsafe"))),
            draw(st.sampled_from(("", ",discard=on"))),
            draw(st.sampled_from(("", ",serial=disk" + str(number)))),
            ",iothread=1" if threaded and draw(st.booleans()) else "",
        ]
        found[place] = f"local:{VMID}/vm-{VMID}-disk-{number}.{form}{''.join(options)},size=8G"
    return found
