#!/usr/bin/env python3
"""`virsh` for a libvirtd that has no storage driver: pools and their volumes are directories here, all else goes to the real one.

Its options are checked by the real one's own help, so a script that passes here says nothing that virsh does not know.
Pools are remembered below $POOLS, a file each with the directory's path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REAL = "/usr/bin/virsh"


def known(verb: str) -> tuple[list[str], set[str]]:
    """(arguments by their place, options with a value) of a command, as `virsh help` lists them."""
    text = subprocess.run([REAL, "help", verb], capture_output=True, text=True, check=True).stdout
    places = re.findall(r"^    \[?--([a-z-]+)\]? +<", text, re.MULTILINE)
    return places, set(places) | set(re.findall(r"^    --([a-z-]+) +<", text, re.MULTILINE))


def taken(verb: str, words: list[str]) -> dict[str, str]:
    places, options = known(verb)
    said: dict[str, str] = {}
    free = iter(places)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            if word[2:] not in options or not rest:
                sys.exit(f"error: command '{verb}' doesn't support option {word}")
            said[word[2:]] = rest.pop(0)
            continue
        name = next((name for name in free if name not in said), None)
        if name is None:
            sys.exit(f"error: unexpected data '{word}'")
        said[name] = word
    return said


def main(words: list[str]) -> int:
    front = words[:2] if words[:1] == ["-c"] else []
    verb, *rest = words[len(front) :]
    if not verb.startswith(("pool-", "vol-")):
        return subprocess.run([REAL, *words], check=False).returncode
    said, pools = taken(verb, rest), Path(os.environ["POOLS"])
    pool = pools / said.get("pool", said.get("name", ""))
    if verb == "pool-define-as":
        if pool.exists() or said["type"] != "dir":
            return 1
        pool.write_text(said["target"])
        return 0
    if not pool.is_file():
        print(f"error: failed to get pool '{pool.name}'", file=sys.stderr)
        return 1
    return on_volume(verb, Path(pool.read_text()), said)


def on_volume(verb: str, directory: Path, said: dict[str, str]) -> int:
    if verb == "pool-build":
        directory.mkdir(parents=True, exist_ok=True)
    if not directory.is_dir():
        return 1
    if not verb.startswith("vol-"):
        return 0
    volume = directory / said.get("vol", said.get("name", ""))
    if verb == "vol-create-as":
        if volume.exists():
            return 1
        subprocess.run(["qemu-img", "create", "-q", "-f", said["format"], volume, f"{said['capacity']}b"], check=True)
    elif not volume.exists():
        return 1
    elif verb == "vol-upload":
        shutil.copyfile(said["file"], volume)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
