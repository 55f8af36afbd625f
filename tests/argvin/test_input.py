"""What a command line may come as: text for a shell, words of /proc, a JSON array, a script with one call."""

from __future__ import annotations

import json

import pytest

import bridge
from bridge.argv.read import words

WORDS = ["qemu-system-x86_64", "-m", "2G", "-name", "web01", "-drive", "file=/srv/my disk.qcow2,if=virtio,format=qcow2", "-display", "none"]
SHELL = "qemu-system-x86_64 -m 2G -name web01 -drive 'file=/srv/my disk.qcow2,if=virtio,format=qcow2' -display none"


BY_VARIABLES = 'qemu-system-x86_64 -m $MEM -name web01 -drive "file=${DISK},if=virtio,format=qcow2" -display none'


@pytest.mark.parametrize(
    "text",
    [
        SHELL,
        SHELL.replace(" -", " \\\n  -"),
        SHELL.replace(" -", "\n-"),
        f"exec {SHELL}",
        f"sudo {SHELL} &",
        f"#!/bin/sh\n# my VM\nset -e\nmkdir -p /srv\n{SHELL} > /dev/null 2>&1\necho done\n",
        f"#!/bin/bash\nDISK='/srv/my disk.qcow2'\nMEM=2G\ncd /srv && {BY_VARIABLES}",
        json.dumps(WORDS),
        "\0".join(WORDS) + "\0",
        ("\0".join(WORDS) + "\0").encode(),
    ],
)
def test_every_form_gives_the_same_domain(text: str | bytes) -> None:
    assert bridge.convert(text, "xml").text == bridge.convert(json.dumps(WORDS), "xml", "argv").text


def test_words_of_a_script_are_those_of_its_call() -> None:
    found = words("#!/bin/sh\nX=1 # not this\nif true; then\n  qemu-system-x86_64 -m $X -append 'a=$b ; c' -name \"q\\\"r\" 2> log\nfi\n")
    assert found == ["qemu-system-x86_64", "-m", "1", "-append", "a=$b ; c", "-name", 'q"r']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\nqemu-system-x86_64 -m 1\nqemu-system-x86_64 -m 2\n", "calls QEMU 2 times"),
        ('#!/bin/sh\nqemu-system-x86_64 "${args[@]}"\n', "only a shell knows what"),
        ('#!/bin/sh\nqemu-system-x86_64 -m "$UNKNOWN"\n', "only a shell knows what '$UNKNOWN'"),
        ('["qemu-system-x86_64", 1]', "no JSON array of words"),
    ],
)
def test_what_only_a_shell_could_tell_is_refused(text: str, said: str) -> None:
    with pytest.raises(bridge.BridgeError) as caught:
        bridge.convert(text, "xml", "argv")
    assert said in str(caught.value)
