"""Rows of a file of configs, moved there and back: `tests/moves FILE.jsonl [COUNT [SEED]]`; `tests/moves --kills [TIMES [SEED]]`; and
`tests/moves --memory [TIMES [CPUS [CONFIG]]]`.

What needs a host that is not here (cards, huge pages, KVM) is left out of a config, memory is small; the rest stays as it is.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from pathlib import Path

from bridge.argv.read import read
from bridge.core.report import BridgeError
from bridge.data.options import DRIVES
from bridge.guest.native import Embedded
from bridge.operations.move import check
from tests.libvirtd.daemon import Daemons, VirshError
from tests.libvirtd.store import FIXED, NEEDS_HOST
from tests.move.kill import kills
from tests.move.kinds import BRIDGED
from tests.move.lab import Lab
from tests.move.memory import compared
from tests.move.moving import NEWEST, inside, there_and_back

LEFT_OUT = re.compile(
    r"template|lock|snapstate|vmstate|runningmachine|runningcpu|hookscript|serial\d+|smbios1|name|cicustom|unused\d+|bios|efidisk0|kvm|freeze"
)
"""And UEFI, whose start takes a minute here; test_live.py has it."""
HOST_PARTS = re.compile(r",(queues|mtu|trunks|tag|rate|firewall|clipboard)=[^,]*")

MEMORY = "256"
"""MiB."""
FILE_PARTS = re.compile(r",(aio|format|snapshot|import-from|scsiblock|size|ro)=[^,]*")
"""Of a drive: what is about another image, and what a guest cannot write to."""


def movable(conf: str) -> str:
    """The config for this machine."""
    lines = []
    for line in conf.split("\n"):
        key, colon, value = line.partition(": ")
        if line.startswith("["):
            break
        if not colon or line.startswith("#") or NEEDS_HOST.fullmatch(key) or LEFT_OUT.fullmatch(key):
            continue
        own = MEMORY if key == "memory" else FIXED[key](value) if key in FIXED else volume(key, value) if key in DRIVES else value
        if own is not None:
            lines.append(f"{key}: {HOST_PARTS.sub('', own) if key.startswith(('net', 'vga')) else own}")
    return "\n".join(["name: row", *lines]) + "\n"


def volume(key: str, value: str) -> str:
    """A drive whose image stands in the one storage that is here."""
    file, _, rest = value.partition(",")
    if key == "tpmstate0":
        return "local:100/vm-100-tpmstate0.raw,size=4M,version=v2.0"
    rest = FILE_PARTS.sub("", f",{rest}").strip(",")
    empty = "media=cdrom" in rest or file.removeprefix("file=") == "none"
    return ",".join(part for part in ("none" if empty else f"local:100/vm-100-{key}.raw", rest) if part)


def moved(conf: str, daemons: Daemons, speaker: Embedded) -> str:
    """What came of a row: downtimes, or the reason."""
    try:
        lab = Lab(movable(conf), daemons.empty())
    except BridgeError as error:
        return f"not converted: {error}"
    try:
        found = check.differences(read(lab.line("src")), inside(lab, speaker), NEWEST)
        if found:
            return f"another machine: {found[0].what}"
        into, out = there_and_back(lab, speaker)
        return f"in {into} ms, out {out} ms"
    except (AssertionError, BridgeError, VirshError) as error:
        return f"FAILED: {str(error)[:300]}"
    finally:
        lab.close()


def main() -> int:
    """1 if a row failed, or a kill, or if a move lost a page."""
    if sys.argv[1] == "--memory":
        times, cpus = (int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((2, 100), (3, 1)))
        return int(compared(Path(sys.argv[4]).read_text() if len(sys.argv) > 4 else BRIDGED, times, cpus) > 0)
    if sys.argv[1] == "--kills":
        return kills(*(int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((2, 50), (3, 15))))
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().split("\n") if line]
    count, seed = (int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((2, 30), (3, 15)))
    rows = [row for row in rows if "argv" in row and "type=virt" not in str(row["argv"]) and "\ntemplate: 1" not in row["conf"]]
    chosen = random.Random(seed).sample(rows, min(count, len(rows)))
    daemons, good = Daemons(), 0
    try:
        with Embedded() as speaker:
            for number, row in enumerate(chosen, 1):
                start = time.monotonic()
                said = moved(row["conf"], daemons, speaker)
                good += said.startswith("in ")
                print(f"{number:3} {row['name']:32} {time.monotonic() - start:5.0f} s  {said}", flush=True)
    finally:
        daemons.close()
    print(f"{good} of {len(chosen)} went there and back, and counted on")
    return int(good < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
