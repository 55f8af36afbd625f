"""args: words as Perl splits them, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bridge
from bridge.shellwords import quote, split
from tests.kinds.both import argv, domain

ARGS = """<qemu:commandline xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <qemu:arg value="-S"/><qemu:arg value="a b"/>
</qemu:commandline>"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-a b", ["-a", "b"]),
        ("  -a   b ", ["-a", "b"]),
        (r"""-a "b \"c\" d" 'e\n'""", ["-a", 'b "c" d', r"e\n"]),
        (r"a\ b", ["a b"]),
        ("x'y z'w", ["xy zw"]),
        ("'' a", ["", "a"]),
        ("a 'b", []),
        ("a 'x\\' b", []),
        ("a\\", []),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split(text) == words


@given(st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1), min_size=1, max_size=6))
def test_quote_is_undone_by_split(words: list[str]) -> None:
    try:
        text = quote(words)
    except ValueError:
        return
    assert split(text) == words
    assert not (text.startswith('"') and text.endswith('"'))


def test_args_come_last() -> None:
    assert argv('args: -device "a,b=c d"\n')[-2:] == ["-device", "a,b=c d"]


def test_raw_arguments_of_xml_need_a_word() -> None:
    text = domain(ARGS)
    with pytest.raises(bridge.BridgeError, match="on request only"):
        bridge.convert(text, to="conf", source="xml")
    assert "args" not in bridge.convert(text, to="conf", source="xml", args=False).text
    assert 'args: -S "a b"' not in bridge.convert(text, to="conf", source="xml", args=False).text
    assert "args: -S " in bridge.convert(text, to="conf", source="xml", args=True).text


def test_args_of_a_config_come_back_as_they_were_written() -> None:
    config = "args: -foo 'a b' -bar\nmemory: 512\n"
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml").text == config
    edited = text.replace('value="a b"', 'value="evil"')
    with pytest.raises(bridge.BridgeError, match="on request only"):
        bridge.convert(edited, to="conf", source="xml")


def test_args_that_are_removed_from_the_xml_do_not_come_back() -> None:
    text = bridge.convert("args: -foo\nmemory: 512\n", to="xml", source="conf").text
    edited = text.replace('    <qemu:arg value="-foo"/>\n', "")
    assert edited != text
    result = bridge.convert(edited, to="conf", source="xml")
    assert "args" not in result.text
    assert "stale-residue" in [finding.kind for finding in result.findings]


def test_args_that_look_like_our_own_words_stay_args() -> None:
    config = "args: -machine graphics=off -uuid 00000000-0000-0000-0000-000000000000 -foo\nmemory: 512\n"
    text = bridge.convert(config, to="xml", source="conf").text
    assert bridge.convert(text, to="conf", source="xml").text == config


def test_the_environment_is_refused() -> None:
    env = ARGS.replace('<qemu:arg value="-S"/>', '<qemu:env name="LD_PRELOAD" value="x"/>')
    with pytest.raises(bridge.BridgeError, match="environment"):
        bridge.convert(domain(env), to="conf", source="xml", args=True)
