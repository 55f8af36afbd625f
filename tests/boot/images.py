"""Images that stand in for a config's volumes: empty, of one size, by the names of the volumes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF")
PICTURE = b"\xff\xd8\xff\xe0" + bytes(60)
"""What QEMU takes for a JPEG: it looks at the first two bytes."""
SIZE = 32 << 20


def image(path: str, directory: Path, form: str) -> Path:
    """An empty image in `directory`, made once."""
    target = directory / Path(path).name
    if not target.exists():
        subprocess.run(["qemu-img", "create", "-q", "-f", form, target, str(SIZE)], check=True)
    return target


def variables(path: str, directory: Path, form: str) -> Path:
    """Fresh firmware variables."""
    target = directory / Path(path).name
    if not target.exists():
        template = FIRMWARE / "OVMF_VARS_4M.fd"
        if form == "raw":
            shutil.copy(template, target)
        else:
            subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, template, target], check=True)
    return target


def picture(directory: Path) -> Path:
    """The picture that the firmware shows."""
    target = directory / "bootsplash.jpg"
    target.write_bytes(PICTURE)
    return target


def tpm_state(target: Path) -> Path:
    """A TPM that was made before its first start, as qemu-server and libvirt both do; every copy is the same TPM."""
    target.write_bytes(manufactured())
    return target


@cache
def manufactured() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory) / "state"
        state.touch()
        subprocess.run(
            ["swtpm_setup", "--tpm2", "--tpmstate", f"file://{state}", "--createek", "--overwrite"], check=True, capture_output=True
        )
        return state.read_bytes()
