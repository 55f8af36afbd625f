"""libvirt's own time for domains, in a process of its own: a file of JSON, `[xml, …]`, in; `[[native, define] or null, …]`, in ms, out.

null: libvirt here refuses the domain. A line after each domain, so that what was measured is there even if libvirt ends the process.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import libvirt

from tests.bench.measure import milliseconds
from tests.embed.serve import Calls, connected


def main() -> None:
    domains = json.loads(Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory(prefix="embed-") as root:
        calls = Calls(connected(Path(root)))
        for xml in domains:
            print(json.dumps(_measured(calls, xml)), flush=True)


def _measured(calls: Calls, xml: str) -> list[float] | None:
    try:
        native = milliseconds(lambda: calls.connection.domainXMLToNative("qemu-argv", xml), 3, time.perf_counter)
        define = milliseconds(lambda: calls.connection.defineXML(xml), 3, time.perf_counter)
        calls.clear()
    except libvirt.libvirtError:
        return None
    return [native, define]


main()
