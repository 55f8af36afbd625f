"""cpu, sockets, vcpus, affinity: config -> command line, config -> XML, XML -> config."""

from __future__ import annotations

from itertools import pairwise

import pytest
from lxml import etree

import bridge
from bridge.host.cpumodels import CPUModel

INTEL = bridge.HostFacts(cpus=64, cpu_vendor="GenuineIntel", cpu_flags=["vmx"], qemu_version="10.0.2", phys_address_bits=46)
LATEST = bridge.HostFacts(cpus=64, cpu_vendor="GenuineIntel", qemu_version="11.0.2", phys_address_bits=46)
MINE = CPUModel(name="mine", reported_model="athlon", flags="+aes;-kvm_pv_unhalt", hv_vendor_id="testvend", phys_bits="40")
CUSTOM = bridge.HostFacts(cpus=64, qemu_version="10.0.2", cpu_models={"mine": MINE})

PV = "+kvm_pv_eoi,+kvm_pv_unhalt"
HV = "hv_ipi,hv_relaxed,hv_reset,hv_runtime,hv_spinlocks=0x1fff,hv_stimer,hv_synic,hv_time,hv_vapic,hv_vpindex"


def words(config: str, host: bridge.HostFacts, *options: str) -> list[str]:
    """The values of these options on qemu-server's command line."""
    argv = bridge.convert(config, to="argv", source="conf", host=host).argv
    assert argv
    return [value for option, value in pairwise(argv) if option in options]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("memory: 512", f"kvm64,enforce,{PV},+lahf_lm,+sep"),
        ("kvm: 0", "qemu64"),
        ("cpu: host", f"host,{PV}"),
        ("cpu: max,hidden=1", f"max,enforce,kvm=off,{PV}"),
        ("cpu: x86-64-v2-AES", f"qemu64,+aes,enforce,{PV},+pni,+popcnt,+sse4.1,+sse4.2,+ssse3"),
        ("cpu: Opteron_G3", f"Opteron_G3,enforce,{PV},-rdtscp,vendor=AuthenticAMD"),
        ("cpu: Icelake-Client", f"Icelake-Server,enforce,{PV},vendor=GenuineIntel"),
        ("cpu: kvm32,level=30,phys-bits=40,guest-phys-bits=39", f"kvm32,level=30,enforce,{PV},+sep,guest-phys-bits=39,phys-bits=40"),
        ("cpu: host,phys-bits=host", f"host,{PV},host-phys-bits=true"),
        ("cpu: EPYC,flags=+nested-virt;-pcid", f"EPYC,enforce,{PV},-pcid,vendor=AuthenticAMD,+vmx"),
        ("ostype: solaris", f"kvm64,enforce,{PV},+lahf_lm,+sep,-x2apic"),
        ("ostype: win10\ncpu: host", f"host,{HV},{PV}"),
        ("ostype: win10\nbios: ovmf\ncpu: host", f"host,{HV},{PV}"),
        ("ostype: win7\nbios: ovmf\ncpu: host", f"host,{PV}"),
        (
            "ostype: w2k8\ncpu: host,hv-vendor-id=me",
            f"host,hv_reset,hv_runtime,hv_spinlocks=0x1fff,hv_time,hv_vapic,hv_vendor_id=me,hv_vpindex,{PV}",
        ),
        ("ostype: win10\nmachine: pc-i440fx-2.1\ncpu: host", "host,hv_relaxed,hv_spinlocks=0xffff"),
        ("ostype: l26\ncpu: host,hv-vendor-id=me", f"host,{PV}"),
    ],
)
def test_cpu_on_the_command_line(config: str, wanted: str) -> None:
    assert words(config, INTEL, "-cpu") == [wanted]


def test_new_qemu_takes_flags_from_windows_11_and_old_hosts() -> None:
    assert words("ostype: win11\ncpu: host\nmachine: pc-i440fx-10.0", LATEST, "-cpu") == [f"host,-cet-ibt,-cet-ss,{HV},{PV},-vmx-mbec"]
    assert words("ostype: win11\ncpu: host\nmachine: pc-i440fx-11.0+pve2", LATEST, "-cpu") == [f"host,-cet-ibt,-cet-ss,hv_evmcs,{HV},{PV}"]


def test_a_custom_model_is_looked_up_and_the_vm_may_change_it() -> None:
    assert words("cpu: custom-mine,phys-bits=host", CUSTOM, "-cpu") == [
        "athlon,+aes,enforce,+kvm_pv_eoi,-kvm_pv_unhalt,vendor=AuthenticAMD,host-phys-bits=true"
    ]


def test_an_unknown_custom_model_gives_the_default_cpu_and_a_finding() -> None:
    out = bridge.convert("cpu: custom-none,level=30", to="argv", source="conf", host=INTEL)
    assert out.argv
    assert out.argv[out.argv.index("-cpu") + 1] == f"kvm64,enforce,{PV},+lahf_lm,+sep"
    assert [finding.kind for finding in out.findings if "custom-none" in finding.message] == ["resource-unknown"]


def test_a_flag_that_replaces_another_is_a_warning() -> None:
    out = bridge.convert("cpu: x86-64-v3,flags=-aes", to="argv", source="conf", host=INTEL)
    assert [f.message for f in out.findings if f.kind == "warning"] == [
        "CPU flag/setting '-aes' (set by the VM) overwrites '+aes' (set by the abstract model)"
    ]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("memory: 512", ["1,sockets=1,cores=1,maxcpus=1"]),
        ("sockets: 2\ncores: 3\nvcpus: 4", ["4,sockets=2,cores=3,maxcpus=6"]),
        ("smp: 3", ["3,sockets=3,cores=1,maxcpus=3"]),
        (
            "hotplug: cpu\nsockets: 2\ncores: 2\nvcpus: 3\ncpu: x86-64-v2-AES",
            [
                "1,sockets=2,cores=2,maxcpus=4",
                "qemu64-x86_64-cpu,id=cpu2,socket-id=0,core-id=1,thread-id=0",
                "qemu64-x86_64-cpu,id=cpu3,socket-id=1,core-id=0,thread-id=0",
            ],
        ),
    ],
)
def test_topology_on_the_command_line(config: str, wanted: list[str]) -> None:
    assert [word for word in words(config, INTEL, "-smp", "-device") if "maxcpus" in word or "x86_64-cpu" in word] == wanted


def test_affinity_stands_before_the_binary() -> None:
    argv = bridge.convert("affinity: 2,4-6", to="argv", source="conf", host=INTEL).argv
    assert argv
    assert argv[:4] == ["/usr/bin/taskset", "--cpu-list", "--all-tasks", "2,4-6"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("sockets: 65", "MAX 64 vcpus allowed per VM on this node"),
        ("bios: ovmf\ncpu: athlon", "OVMF (UEFI) BIOS is not supported on 32-bit CPU types"),
        ("cpu: cortex-a57", "CPU model 'cortex-a57' does not exist for configured vCPU architecture 'x86_64'"),
    ],
)
def test_what_qemu_server_refuses(config: str, message: str) -> None:
    with pytest.raises(bridge.BridgeError, match=message.replace("(", r"\(").replace(")", r"\)")):
        bridge.convert(config, to="argv", source="conf", host=INTEL)


def xml(config: str, host: bridge.HostFacts = INTEL, **target: str) -> etree._Element:
    return etree.fromstring(bridge.convert(config, to="xml", source="conf", host=host, **target).text.encode())  # type: ignore[arg-type]


def shape(node: etree._Element | None) -> str:
    """An element on one line."""
    if node is None:
        return ""
    tag = str(node.tag)
    attributes = "".join(f" {name!s}='{value!s}'" for name, value in node.items())
    inner = (node.text or "").strip() + "".join(map(shape, node))
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def globals_of(root: etree._Element) -> list[str]:
    return [value for arg in root.iter("{*}arg") if (value := arg.get("value", "")).startswith("x86_64-cpu.")]


@pytest.mark.parametrize(
    ("config", "mode", "model", "features", "properties"),
    [
        ("memory: 512", "custom", "kvm64", {"lahf_lm": "require", "sep": "require"}, ["enforce=on"]),
        ("cpu: host", "host-passthrough", None, {}, []),
        ("cpu: max", "maximum", None, {}, ["enforce=on"]),
        ("kvm: 0", "custom", "qemu64", {}, []),
        (
            "cpu: x86-64-v2",
            "custom",
            "qemu64",
            {**dict.fromkeys(("popcnt", "pni", "sse4.1", "sse4.2", "ssse3"), "require"), "svm": "disable"},
            ["enforce=on"],
        ),
        (
            "cpu: Opteron_G5,flags=+spec-ctrl", "custom", "Opteron_G5",
            {"rdtscp": "disable", "spec-ctrl": "require", "svm": "disable"}, ["enforce=on"],
        ),
        ("cpu: host,level=30,guest-phys-bits=39", "host-passthrough", None, {}, ["level=30", "guest-phys-bits=39"]),
        ("cpu: Skylake-Server\nmachine: pc-i440fx-3.1", "custom", "Skylake-Server", {"mpx": "require"}, ["enforce=on"]),
        ("cpu: EPYC\nkvm: 0", "custom", "EPYC", {"monitor": "require"}, []),
    ],
)
def test_cpu_in_xml(config: str, mode: str, model: str | None, features: dict[str, str], properties: list[str]) -> None:
    root = xml(config)
    cpu = root.find("cpu")
    assert cpu is not None
    assert cpu.get("mode") == mode
    assert cpu.findtext("model") == model
    assert {node.get("name"): node.get("policy") for node in cpu.iter("feature")} == features
    assert globals_of(root) == [f"x86_64-cpu.{text}" for text in properties]


def test_the_vendor_is_forced_in_xml_too() -> None:
    assert shape(xml("cpu: EPYC-Rome").find("cpu/model")) == "<model fallback='forbid' vendor_id='AuthenticAMD'>EPYC-Rome</model>"


def test_a_model_that_libvirt_does_not_know_goes_by_the_command_line() -> None:
    root = xml("cpu: EPYC-Turin,flags=+aes")
    assert root.find("cpu/model") is None
    args = [arg.get("value") for arg in root.iter("{*}arg")]
    assert args[args.index("-cpu") + 1] == f"EPYC-Turin,+aes,enforce,{PV},vendor=AuthenticAMD"


def test_windows_gets_its_enlightenments_in_xml() -> None:
    root = xml("ostype: win10\ncpu: host,hv-vendor-id=abc,hidden=1,flags=+hv-tlbflush")
    assert shape(root.find("features/hyperv")) == (
        "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/><vpindex state='on'/>"
        "<runtime state='on'/><synic state='on'/><stimer state='on'/><reset state='on'/><vendor_id state='on' value='abc'/>"
        "<tlbflush state='on'/><ipi state='on'/></hyperv>"
    )
    assert shape(root.find("features/kvm")) == "<kvm><hidden state='on'/></kvm>"
    assert root.xpath("clock/timer[@name='hypervclock']/@present") == ["yes"]


def test_cpus_in_xml() -> None:
    root = xml("sockets: 2\ncores: 2\nvcpus: 3\nhotplug: cpu\naffinity: 0-3\ncpulimit: 1.5\ncpuunits: 20000")
    assert shape(root.find("vcpu")) == "<vcpu current='3'>4</vcpu>"
    assert [(v.get("enabled"), v.get("hotpluggable")) for v in root.iterfind("vcpus/vcpu")] == [
        ("yes", "no"), ("yes", "yes"), ("yes", "yes"), ("no", "yes"),
    ]  # fmt: skip
    assert shape(root.find("cpu/topology")) == "<topology sockets='2' cores='2' threads='1'/>"
    pins = "".join(f"<vcpupin vcpu='{n}' cpuset='0-3'/>" for n in range(4))
    assert shape(root.find("cputune")) == (
        f"<cputune>{pins}<emulatorpin cpuset='0-3'/><shares>10000</shares>"
        "<global_period>100000</global_period><global_quota>150000</global_quota></cputune>"
    )


def test_flags_that_only_a_new_qemu_knows_wait_for_it() -> None:
    config = "ostype: win11\nmachine: pc-i440fx-10.0\ncpu: host"
    assert globals_of(xml(config, LATEST)) == []
    assert sorted(globals_of(xml(config, LATEST, qemu="11.0"))) == [f"x86_64-cpu.{flag}=off" for flag in ("cet-ibt", "cet-ss", "vmx-mbec")]


def back(
    cpu: str, features: str = "", host: bridge.HostFacts = INTEL, vcpu: str = "<vcpu>1</vcpu>", more: str = ""
) -> tuple[dict[str, str], list[str]]:
    """Config keys and findings of a domain with this CPU."""
    features = f"<features><acpi/><apic eoi='on'/><pvspinlock state='on'/>{features}</features>"
    text = (
        "<domain type='kvm'><name>x</name><memory unit='MiB'>512</memory>"
        f"{vcpu}<os><type arch='x86_64' machine='pc-i440fx-9.0'>hvm</type></os>{features}{cpu}{more}"
        "<devices><memballoon model='virtio' freePageReporting='on'/></devices></domain>"
    )
    out = bridge.convert(text, to="conf", source="xml", host=host)
    lines = dict(line.split(": ", 1) for line in out.text.splitlines() if not line.startswith("#"))
    return lines, [f"{finding.kind}: {finding.message}" for finding in out.findings]


DOMAIN = (
    "<domain type='kvm'><name>x</name><memory>524288</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64' machine='pc-i440fx-9.0'>hvm</type></os>{}</domain>"
)
KVM64 = "<model fallback='forbid'>kvm64</model><feature policy='require' name='lahf_lm'/><feature policy='require' name='sep'/>"


@pytest.mark.parametrize(
    ("cpu", "wanted"),
    [
        ("", "qemu64"),
        (f"<cpu mode='custom' match='exact' check='none'>{KVM64}</cpu>", None),
        ("<cpu mode='host-passthrough' check='none' migratable='on'/>", "host"),
        ("<cpu mode='maximum'/>", "max"),
        ("<cpu><model>Haswell-v1</model></cpu>", "Haswell"),
        (
            "<cpu><model>EPYC</model><feature policy='force' name='ibpb'/><feature policy='forbid' name='pcid'/></cpu>",
            "EPYC,flags=+ibpb;-pcid",
        ),
        ("<cpu mode='host-passthrough'><feature name='vmx'/></cpu>", "host,flags=+nested-virt"),
        ("<cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='42'/></cpu>", "host,phys-bits=42"),
        ("<cpu mode='host-passthrough'><maxphysaddr mode='passthrough'/></cpu>", "host,phys-bits=host"),
    ],
)
def test_cpu_from_xml(cpu: str, wanted: str | None) -> None:
    assert back(cpu)[0].get("cpu") == wanted


def test_a_feature_that_no_config_can_say_is_named() -> None:
    lines, findings = back(
        "<cpu mode='host-passthrough'><feature policy='disable' name='x2apic'/><feature name='lahf_lm' policy='disable'/></cpu>"
    )
    assert lines["ostype"] == "solaris"
    assert "guest-lost: a config cannot say -lahf-lm of this CPU" in findings


def test_a_missing_pvspinlock_is_a_finding() -> None:
    text = DOMAIN.format("<cpu mode='host-passthrough'/>")
    out = bridge.convert(text, to="conf", source="xml", host=INTEL)
    assert "qemu-server gives this guest's CPU +kvm-pv-unhalt besides" in [finding.message for finding in out.findings]


def test_the_custom_model_with_the_same_set_is_found() -> None:
    cpu = "<cpu><model vendor_id='AuthenticAMD'>athlon</model><maxphysaddr mode='emulate' bits='40'/><feature name='aes'/></cpu>"
    text = DOMAIN.format(f"<features><pvspinlock state='off'/></features>{cpu}")
    assert "cpu: custom-mine\n" in bridge.convert(text, to="conf", source="xml", host=CUSTOM).text


@pytest.mark.parametrize(
    ("vcpu", "more", "wanted"),
    [
        ("<vcpu>4</vcpu>", "", {"sockets": "4"}),
        ("<vcpu cpuset='0-4,^2,9'>1</vcpu>", "", {"affinity": "0-1,3-4,9"}),
        (
            "<vcpu cpuset='1-3' current='2'>4</vcpu>",
            "<cpu><topology sockets='1' cores='4' threads='1'/></cpu>",
            {"affinity": "1-3", "cores": "4", "vcpus": "2"},
        ),
        (
            "<vcpu current='1'>2</vcpu>",
            "<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>",
            {"sockets": "2", "vcpus": "1", "hotplug": "network,disk,usb,cpu"},
        ),
        (
            "<vcpu>1</vcpu>",
            "<cputune><shares>200</shares><global_period>50000</global_period><global_quota>25000</global_quota></cputune>",
            {"cpuunits": "200", "cpulimit": "0.5"},
        ),
        (
            "<vcpu>2</vcpu>",
            "<cputune><vcpupin vcpu='0' cpuset='3'/><vcpupin vcpu='1' cpuset='3'/><emulatorpin cpuset='3'/></cputune>",
            {"sockets": "2", "affinity": "3"},
        ),
        ("<vcpu cpuset='1-3'>1</vcpu>", "<cputune><vcpupin vcpu='0' cpuset='3'/></cputune>", {"affinity": "1-3"}),
    ],
)
def test_cpus_from_xml(vcpu: str, more: str, wanted: dict[str, str]) -> None:
    lines, _ = back("", vcpu=vcpu, more=more)
    assert wanted.items() <= lines.items()


@pytest.mark.parametrize(
    "vcpu", ["<vcpu>-1</vcpu>", "<vcpu>99999999</vcpu>", "<vcpu>1_0</vcpu>", "<vcpu current='3'>2</vcpu>", "<vcpu>٣</vcpu>"]
)
def test_a_senseless_number_of_cpus_is_refused(vcpu: str) -> None:
    with pytest.raises(bridge.BridgeError):
        back("", vcpu=vcpu)


CONFIGS = [
    "cpu: host,flags=+pdpe1gb,hidden=1,level=30,phys-bits=host",
    "cpu: x86-64-v3,flags=-aes\nostype: win10",
    "cpu: EPYC-Turin,flags=+aes,level=7,phys-bits=44",
    "cpu: custom-mine,flags=+pcid\nostype: win8",
    "cpu: kvm64,hv-vendor-id=abc\nkvm: 0\nostype: win7",
    "cores: 2\nhotplug: disk,cpu\nsockets: 2\nvcpus: 3",
    "affinity: 0,2-4\ncpulimit: 0.25\ncpuunits: 7",
    "cpu: Icelake-Client\nmachine: pc-i440fx-3.1",
]


@pytest.mark.parametrize("config", CONFIGS)
def test_config_to_xml_to_config(config: str) -> None:
    out = bridge.convert(config, to="xml", source="conf", host=CUSTOM)
    assert bridge.convert(out.text, to="conf", source="xml", host=CUSTOM).text == bridge.rewrite_config(config)


def test_an_old_libvirt_gets_a_versioned_model_by_the_command_line() -> None:
    config = "cpu: EPYC-Rome-v3,phys-bits=40"
    out = bridge.convert(config, to="xml", source="conf", host=INTEL, libvirt="10.9")
    assert f"EPYC-Rome-v3,enforce,{PV},vendor=AuthenticAMD,phys-bits=40" in out.text
    assert "fallback" in [finding.kind for finding in out.findings]
    assert bridge.convert(out.text, to="conf", source="xml", host=INTEL).text == bridge.rewrite_config(config)
    assert xml(config).findtext("cpu/model") == "EPYC-Rome-v3"


def test_a_saved_state_keeps_its_cpu() -> None:
    state = "runningcpu: kvm64,+aes\nrunningmachine: pc-i440fx-9.0+pve0\nsnaptime: 1\nvmstate: local:1/vm-1-state-one.raw"
    config = f"cpu: host\nmemory: 512\n\n[one]\ncpu: host\nmemory: 512\n{state}"
    argv = bridge.convert(config, to="argv", source="conf", host=INTEL, snapshot="one").argv
    assert argv
    assert argv[argv.index("-cpu") + 1] == "kvm64,+aes"


ARM = bridge.HostFacts(arch="aarch64", cpus=64, qemu_version="10.0.2")


@pytest.mark.parametrize(
    ("config", "host", "wanted", "mode"),
    [
        ("arch: aarch64", INTEL, "max", "maximum"),
        ("memory: 512", ARM, "host", "host-passthrough"),
        ("arch: aarch64\ncpu: cortex-a57", INTEL, "cortex-a57", "custom"),
    ],
)
def test_arm_has_a_model_and_no_more(config: str, host: bridge.HostFacts, wanted: str, mode: str) -> None:
    assert words(config, host, "-cpu") == [wanted]
    root = xml(config, host)
    assert root.xpath("string(cpu/@mode)") == mode
    assert root.find("cpu/feature") is None
    assert globals_of(root) == []


@pytest.mark.parametrize("cpuset", ["0-99999999999", "8192", "1,2,99999"])
def test_a_set_of_cpus_out_of_all_bounds_is_refused(cpuset: str) -> None:
    with pytest.raises(bridge.BridgeError, match="above 8191"):
        back("", vcpu=f"<vcpu cpuset='{cpuset}'>1</vcpu>")


@pytest.mark.parametrize(
    ("cpu", "off"),
    [
        ("EPYC-Genoa", {"monitor", "svm"}),
        ("x86-64-v2-AES", {"svm"}),
        ("Opteron_G3", {"monitor", "rdtscp", "svm"}),
        ("core2duo", {"acpi", "monitor"}),
        ("Haswell", set()),
        ("host", set()),
        ("EPYC-Rome-v2,flags=+nested-virt", {"monitor"}),
    ],
)
def test_a_domain_without_kvm_had_features_that_kvm_takes_away(cpu: str, off: set[str]) -> None:
    host = bridge.HostFacts(qemu_version="10.0.2", cpu_flags=["svm"])
    node = xml(f"machine: pc-i440fx-10.0\ncpu: {cpu}\n", host).find("cpu")
    assert node is not None
    assert {each.get("name") for each in node.iterfind("feature[@policy='disable']")} == off
    text = bridge.convert(f"machine: pc-i440fx-10.0\ncpu: {cpu}\n", "xml", "conf", host=host, metadata=False).text
    assert f"cpu: {cpu}\n" in bridge.convert(text, "conf", "xml", host=host).text
    node = xml(f"machine: pc-i440fx-10.0\nkvm: 0\ncpu: {cpu}\n", host).find("cpu")
    assert node is None or cpu == "host" or not node.findall("feature[@policy='disable'][@name='svm']")
