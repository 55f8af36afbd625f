"""Whatever comes in: a document or a BridgeError, soon, and nothing in it that was not meant. `--full` tries ten times as much."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

import bridge
from bridge.qemuserver import text as config_text
from tests.security import mutation

pytestmark = pytest.mark.slow

SECONDS = 5.0
"""Of processor time: the clock on the wall says how busy the machine is."""
DENIED = (
    *("args", "digest", "hookscript", "lock", "meta", "parent", "protection", "snapstate", "snaptime", "template", "vmstate"),
    *("runningcpu", "runningmachine", "cipassword", "sshkeys"),
)
"""Keys that XML which is not ours never brings into a config (security-rules S12); `unusedN` neither."""
FUZZ = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
HOSTS = (None, bridge.HostFacts(cpus=8, numa_nodes=2, bridges=["vmbr0"], qemu_version="10.0.2"))

randoms = st.integers(0, 2**63).map(Random)
"""One number decides everything, so that a failure shrinks to a number and comes again."""


def convert(
    document: str | bytes, source: bridge.Format | None, to: bridge.Format, random: Random, args: bool | None = None
) -> bridge.Result | None:
    """What `bridge.convert` gives, None if it refuses. All that it says is visible text on one line, and it says it soon."""
    started = time.process_time()
    try:
        result = bridge.convert(document, to, source, vmid=100, host=random.choice(HOSTS), args=args, metadata=random.random() < 0.8)
        assert isinstance(result.text, str)
        messages = [part for finding in result.findings for part in (finding.message, finding.where, finding.hint)]
    except bridge.BridgeError as error:
        result, messages = None, [str(error)]
    assert time.process_time() - started < SECONDS
    assert [message for message in messages if not message.isprintable()] == []
    return result


def config_is_whole(document: str) -> config_text.SectionText:
    """The config reads strictly, and is written as it stands."""
    found = config_text.parse(document, strict=True)
    assert config_text.write(found) == document
    return found.main


@pytest.fixture(scope="module")
def tries(full: bool) -> Callable[[Callable[[Random], None]], None]:
    """tries(law): the law for many seeds."""

    def run(law: Callable[[Random], None]) -> None:
        settings(FUZZ, max_examples=2500 if full else 250)(given(randoms)(law))()

    return run


def test_foreign_xml_becomes_a_whole_config_without_denied_keys(tries: Callable[[Callable[[Random], None]], None]) -> None:
    def law(random: Random) -> None:
        document = mutation.domain(random, random.choice(mutation.DOMAINS))
        args = random.choice((None, True, False))
        result = convert(document, "xml", "conf", random, args)
        if result is None:
            return
        keys = config_is_whole(result.text).entries.keys()
        if b"urn:virt-qm" in document:
            return
        assert {key for key in keys if key.startswith("unused")} == set()
        assert keys & set(DENIED) <= ({"args"} if args else set())
        assert "\n[" not in result.text

    tries(law)


def test_our_xml_becomes_a_whole_config(tries: Callable[[Callable[[Random], None]], None]) -> None:
    def law(random: Random) -> None:
        result = convert(mutation.domain(random, random.choice(mutation.OURS)), "xml", "conf", random)
        if result is not None:
            config_is_whole(result.text)

    tries(law)


def test_configs_become_well_formed_xml(tries: Callable[[Callable[[Random], None]], None]) -> None:
    def law(random: Random) -> None:
        secret = f"\ncipassword: {mutation.SECRET}\n[snap]\nsshkeys: {mutation.SECRET}"
        result = convert(mutation.config(random, random.choice(mutation.CONFIGS)) + secret, "conf", "xml", random)
        if result is not None:
            assert etree.fromstring(result.text).tag == "domain"
            assert mutation.SECRET not in result.text
            assert not any(mutation.SECRET in finding.message for finding in result.findings)

    tries(law)


def test_configs_become_command_lines(tries: Callable[[Callable[[Random], None]], None]) -> None:
    def law(random: Random) -> None:
        result = convert(mutation.config(random, random.choice(mutation.CONFIGS)), "conf", "argv", random)
        assert result is None or all(isinstance(word, str) for word in result.argv or ())

    tries(law)


def test_xml_becomes_command_lines_and_xml(tries: Callable[[Callable[[Random], None]], None]) -> None:
    def law(random: Random) -> None:
        document = mutation.domain(random, random.choice(mutation.DOMAINS + mutation.OURS))
        convert(document, "xml", random.choice(("argv", "xml")), random, args=True)

    tries(law)


@FUZZ
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200)), st.sampled_from(("xml", "conf", None)), st.sampled_from(("xml", "conf")))
def test_any_bytes_and_any_text(document: str | bytes, source: bridge.Format | None, to: bridge.Format) -> None:
    result = convert(document, source, to, Random(0))
    if result is not None and to == "conf" and source == "xml":
        config_is_whole(result.text)


@FUZZ
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_name_and_description(name: str, description: str) -> None:
    """XML that says anything in text that people write."""
    root = etree.fromstring("<domain type='kvm'><name/><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>")
    try:
        root[0].text = name
        etree.SubElement(root, "description").text = description
    except ValueError:  # no XML can hold it
        return
    result = convert(etree.tostring(root), "xml", "conf", Random(0))
    if result is not None:
        main = config_is_whole(result.text)
        assert main.entries.keys() <= {"acpi", "cpu", "machine", "name", "ostype", "tablet", "vga", "arch", "balloon", "smbios1"}
