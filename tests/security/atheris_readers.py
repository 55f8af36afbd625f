"""Coverage-guided fuzzing of both readers, by hand: `pip install atheris; python -m tests.security.atheris_readers -max_total_time=60`.

The first byte chooses the way; the rest is the document. Start it on real ones by naming a directory of them behind the options.
What it found stands in the cases and in `test_fuzz`, which need no atheris.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

SECONDS = 5.0
WAYS: tuple[tuple[Any, Any], ...] = (("xml", "conf"), ("conf", "xml"), ("conf", "argv"), ("xml", "xml"))


def main() -> None:
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["bridge"]):
        import bridge
        from bridge import convert as _convert  # noqa: F401  the readers are imported when they are called: now, to be instrumented
        from bridge.libvirt import read  # noqa: F401
        from bridge.libvirt.tree import parse  # noqa: F401
        from bridge.qemuserver import text as config_text

    def one(data: bytes) -> None:
        source, to = WAYS[data[0] % len(WAYS)] if data else WAYS[0]
        started = time.monotonic()
        try:
            result = bridge.convert(data[1:], to, source, vmid=100)
            if source == "xml" and to == "conf":
                assert config_text.write(config_text.parse(result.text, strict=True)) == result.text
        except bridge.BridgeError:
            pass
        assert time.monotonic() - started < SECONDS

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
