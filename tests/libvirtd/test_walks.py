"""docs/walks.md: the first hours of four people, each from a fresh clone that is installed with README's own lines.

`python -m tests.libvirtd.test_walks` writes what is printed now into the document: read it before it is committed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.corpus import ROOT
from tests.libvirtd import twenty
from tests.libvirtd.daemon import Daemon
from tests.shown import Step, blocks, fits, steps

DOCUMENT = ROOT / "docs/walks.md"
TITLES = re.findall(r"^## (.*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
ARRIVES = "arrives"


def installed(directory: Path) -> Path:
    """A clone with a .venv, by README's lines; system packages are there already."""
    clone = directory / "virt-qm"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    [block] = [text for _, text in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "sh") if "pip install" in text]
    for line in block.splitlines():
        command = re.sub(r"^apt-get install [^&]*&& ", "", line)
        done = subprocess.run(["bash", "-c", command], cwd=clone, capture_output=True, text=True, env=clean())
        assert done.returncode == 0, f"{command}: {done.stdout[-500:]}{done.stderr[-2000:]}"
    return clone


def clean() -> dict[str, str]:
    """Nothing of this checkout."""
    found = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return found | {"LC_ALL": "C.UTF-8", "COLUMNS": "120"}


def walk(title: str) -> list[Step]:
    text = DOCUMENT.read_text(encoding="utf-8")
    start = text.index(f"## {title}\n")
    end = text.find("\n## ", start)
    return list(steps(text[start : end if end > 0 else len(text)]))


def said(step: Step, clone: Path, place: Path, libvirtd: Daemon) -> str:
    environment = clean() | {"PATH": f"{clone}/.venv/bin:{os.environ['PATH']}", "LIBVIRT_DEFAULT_URI": libvirtd.uri}
    command = ["bash", "-c", step.command]
    done = subprocess.run(command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout + done.stderr


def furnished(place: Path, title: str, libvirtd: Daemon) -> Path:
    (place / "samples").symlink_to(ROOT / "samples")
    if ARRIVES in title:
        twenty.define(libvirtd, libvirtd.directory / "images")
    return place


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("fresh"))


@pytest.mark.parametrize("title", TITLES)
def test_a_first_hour(title: str, clone: Path, libvirtd: Daemon, tmp_path: Path) -> None:
    place = furnished(tmp_path, title, libvirtd)
    for step in walk(title):
        found = said(step, clone, place, libvirtd)
        assert fits(step.output, found), f"{title}: {step.command}\nprints now:\n{found}"


def test_there_are_four() -> None:
    assert len(TITLES) == 4
    assert all(walk(title) for title in TITLES)


def refresh() -> None:
    with tempfile.TemporaryDirectory() as directory:
        made = installed(Path(directory))
        for number, title in enumerate(TITLES):
            libvirtd = Daemon()
            try:
                (Path(directory) / str(number)).mkdir()
                place = furnished(Path(directory) / str(number), title, libvirtd)
                for step in walk(title):
                    found = re.sub(r"[ \t]+$", "", said(step, made, place, libvirtd), flags=re.MULTILINE)
                    text = DOCUMENT.read_text(encoding="utf-8")
                    shown = f"$ {step.command}\n"
                    assert shown + step.output in text, step.command
                    DOCUMENT.write_text(text.replace(shown + step.output, shown + found, 1), encoding="utf-8")
            finally:
                libvirtd.close()


if __name__ == "__main__":
    refresh()
