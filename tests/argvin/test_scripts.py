"""Scripts of people's that call QEMU: what they say plainly is taken, what only a run of them decides is refused."""

from __future__ import annotations

import pytest

import bridge

CALL = "qemu-system-x86_64 -nodefaults -m $MEM"


def memory(script: str) -> str:
    lines = bridge.convert(script, "conf", "argv").text.splitlines()
    return next(line.removeprefix("memory: ") for line in lines if line.startswith("memory: "))


@pytest.mark.parametrize(
    "script",
    [
        f'MEM=2G\nif [ -n "$BIG" ]; then\n  MEM=8G\nfi\n{CALL}',
        f'if [ -n "$BIG" ]; then MEM=8G; else MEM=2G; fi\n{CALL}',
        f'if [ -n "$BIG" ]; then\n  MEM=8G\nelse\n  {CALL}\nfi',
        f'MEM=2G\n[ -n "$BIG" ] && MEM=8G\n{CALL}',
        f'MEM=2G\n[ -n "$BIG" ] && {{\n  MEM=8G\n}}\n{CALL}',
        f'MEM=2G\ncase "$1" in\n  big) MEM=8G ;;\nesac\n{CALL}',
        f"MEM=2G\nbig() {{\n  MEM=8G\n}}\nbig\n{CALL}",
        f"MEM=2G\nfor MEM in 4G 8G; do\n  {CALL}\ndone",
        f"MEM=2G\nread -p 'how much? ' MEM\n{CALL}",
        f"MEM=2G\nMEM=$(cat /etc/mem)\n{CALL}",
        f"MEM=2G\n. ./settings\n: ${{MEM:=4G}}\n{CALL}",
    ],
)
def test_what_an_if_decides_was_taken_for_granted(script: str) -> None:
    """The value of the last line that sets it was taken, whether that line is run or not."""
    with pytest.raises(bridge.BridgeError, match=r"only a shell knows what '\$MEM"):
        bridge.convert(script, "conf", "argv")


@pytest.mark.parametrize(
    "script",
    [
        f'MEM=2G\nif [ -n "$BIG" ]; then\n  echo big\nfi\nMEM=8G\n{CALL}',
        f"start() {{\n  local MEM=8G\n  {CALL}\n}}",
        f"MEM=8G\nif [ -e /dev/kvm ]; then\n  {CALL}\nfi",
        f"MEM=8G\n[ -e /dev/kvm ] && {CALL}",
    ],
)
def test_a_value_that_no_way_to_the_call_changes_is_taken(script: str) -> None:
    assert memory(script) == "8192"


@pytest.mark.parametrize(
    "script",
    [
        'MEM=8G\nargs=(\n  -nodefaults # (as few as can be\n\n  -m "$MEM"\n  # -m 4G\n  -name "a b)"\n)\nqemu-system-x86_64 "${args[@]}"',
        'args=(-nodefaults)\nargs+=( -m 8G )\nqemu-system-x86_64 "${args[@]}" -name "a b)"',
        'declare -a disk=(-name "a b)")\nargs=("${disk[@]}" -m 8G -accel kvm)\nexec qemu-system-x86_64 -nodefaults "${args[@]}"',
    ],
)
def test_the_array_that_holds_all_options_was_refused(script: str) -> None:
    """As scripts for macOS and many others have it."""
    assert memory(script) == "8192"
    assert "name: " in bridge.convert(script, "conf", "argv").text


@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        ('args=(-nodefaults)\nif [ "$1" ]; then\n  args+=(-m 8G)\nfi\nqemu-system-x86_64 "${args[@]}"', r"\$\{args"),
        ('args=(-nodefaults)\n[ "$1" ] && args+=(-m 8G)\nqemu-system-x86_64 "${args[@]}"', r"\$\{args"),
        ('args=(-nodefaults)\nargs[2]=-m\nqemu-system-x86_64 "${args[@]}"', r"\$\{args"),
        ('args+=(-nodefaults)\nqemu-system-x86_64 "${args[@]}"', r"\$\{args"),
        ("args=(-nodefaults -name 'a b')\nqemu-system-x86_64 ${args[@]}", r"\$\{args"),
        ('args=(-smp $(nproc)\n  -nodefaults)\nqemu-system-x86_64 "${args[@]}"', r"\$\(nproc"),
    ],
)
def test_an_array_that_a_run_decides_is_refused(script: str, unknown: str) -> None:
    with pytest.raises(bridge.BridgeError, match=f"only a shell knows what '{unknown}"):
        bridge.convert(script, "conf", "argv")


def test_arrays_that_double_do_not_fill_the_memory() -> None:
    script = "a=(-nodefaults)\n" + 'a=("${a[@]}" "${a[@]}")\n' * 40 + 'qemu-system-x86_64 "${a[@]}"'
    with pytest.raises(bridge.BridgeError, match="more than 32 KiB"):
        bridge.convert(script, "conf", "argv")
