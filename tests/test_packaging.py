"""The wheel, installed where nothing else is: it converts, checks and explains itself without this checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import bridge
from bridge.cli import COMMANDS
from tests.corpus import ROOT
from tests.floor_list import floors

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Without anything of this checkout on Python's path."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=clean | environment, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", directory, ROOT, cwd=directory)
    [found] = directory.glob("virt_qm-*-py3-none-any.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with the wheel and its extra `libvirt`, built beside the libvirt of this system."""
    directory = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(directory, with_pip=True)
    run(directory / "bin/pip", "install", "-q", f"{wheel}[libvirt]", cwd=directory)
    return directory


def test_schemas_samples_and_manual_are_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("schemas", "samples"):
        assert {f"bridge/{file.relative_to(ROOT)}" for file in (ROOT / kind).rglob("*") if file.is_file()} <= names
    data = f"{'-'.join(wheel.name.split('-')[:2])}.data/data/share"
    for place in ("man/man1/virt-qm.1", "bash-completion/completions/virt-qm", "zsh/site-functions/_virt-qm"):
        assert f"{data}/{place}" in names
    assert f"{data}/fish/vendor_completions.d/virt-qm.fish" in names
    stem = data.split(".data")[0]
    assert {name.split("/")[0] for name in names} == {"bridge", "virt_qm", f"{stem}.data", f"{stem}.dist-info"}


def test_it_converts_there_and_back(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin/virt-qm"
    text = (ROOT / "samples/iothreads.conf").read_text()
    (tmp_path / "100.conf").write_text(text)
    run(command, "to-xml", "100.conf", "-o", "100.xml", cwd=tmp_path)
    assert run(command, "to-conf", "100.xml", cwd=tmp_path).stdout == text
    run(command, "check", "100.conf", cwd=tmp_path)


def test_it_finds_every_schema_and_sample_inside_itself(installed: Path, tmp_path: Path) -> None:
    source = "from bridge.libvirt.host.validate import schema_file; import sys; print(*map(schema_file, sys.argv[1:]), sep='\\n')"
    schemas = sorted(file.name for file in (ROOT / "schemas").iterdir())
    found = run(installed / "bin/python", "-c", source, *schemas, cwd=tmp_path).stdout.split("\n")[:-1]
    assert [Path(file).name for file in found] == schemas
    assert all(Path(file).is_relative_to(installed) for file in found)


def test_its_types_can_be_used(installed: Path) -> None:
    assert list(installed.glob("lib/python*/site-packages/bridge/py.typed"))


def test_libvirt_of_the_system_is_usable(installed: Path, tmp_path: Path) -> None:
    version = run(installed / "bin/python", "-c", "import libvirt; print(libvirt.getVersion())", cwd=tmp_path).stdout
    assert int(version) >= 9_000_000


def test_man_finds_the_page_beside_the_program(installed: Path, tmp_path: Path) -> None:
    shown = run("man", "virt-qm", cwd=tmp_path, PATH=f"{installed}/bin:{os.environ['PATH']}", LC_ALL="C.UTF-8").stdout
    assert re.match(r"VIRT-QM\(1\)\s", shown)


DEBIAN_13 = {
    "click": "8.1.8", "lxml": "5.4.0", "msgspec": "0.19.0", "rich": "13.9.4", "xmlschema": "3.4.5", "libvirt-python": "11.3.0",
}  # fmt: skip
"""python3-NAME of trixie."""


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_debian_13_has_what_is_asked_for() -> None:
    found = floors("libvirt")
    assert found.keys() == DEBIAN_13.keys()
    assert {name: version for name, version in found.items() if number(version) > number(DEBIAN_13[name])} == {}


def test_every_command_runs_with_the_oldest_packages(wheel: Path, tmp_path: Path) -> None:
    """`click.ParamType[str]` ended each of them on Debian 13. `tests/floors` runs the tests so; this, all that is imported."""
    venv.create(tmp_path / "venv", with_pip=True)
    oldest = [f"{name}=={version}" for name, version in floors().items()]
    run(tmp_path / "venv/bin/pip", "install", "-q", wheel, *oldest, cwd=tmp_path)
    python, command = tmp_path / "venv/bin/python", tmp_path / "venv/bin/virt-qm"
    everything = "import importlib, pkgutil, bridge\nfor found in pkgutil.walk_packages(bridge.__path__, 'bridge.'):\n"
    run(python, "-c", everything + "    if not found.name.endswith('__main__'): importlib.import_module(found.name)", cwd=tmp_path)
    for name in COMMANDS:
        run(command, name, "--help", cwd=tmp_path)
    text = (ROOT / "samples/iothreads.conf").read_text()
    (tmp_path / "100.conf").write_text(text)
    run(command, "to-xml", "100.conf", "-o", "100.xml", cwd=tmp_path)
    assert run(command, "to-conf", "100.xml", cwd=tmp_path).stdout == text
    run(command, "check", "100.conf", cwd=tmp_path)
    run(command, "show", "100.xml", cwd=tmp_path)


def test_nothing_of_the_checkout_is_needed(installed: Path, tmp_path: Path) -> None:
    source = "import bridge, sys; print(bridge.__file__, *sys.path, sep='\\n')"
    assert str(ROOT) + "/bridge" not in run(installed / "bin/python", "-c", source, cwd=tmp_path).stdout
    assert run(installed / "bin/virt-qm", "--version", cwd=tmp_path).stdout.startswith("virt-qm, version ")


def test_the_metadata_says_who_and_for_which_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["authors"] == [{"name": "The virt-qm project"}]
    assert project["license"] == "Apache-2.0"
    versions = [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert f">={versions[0]}" == project["requires-python"]
    assert "3.13" in versions  # Debian 13's


def test_one_version_everywhere() -> None:
    """The module, Debian's changelog and ours; the newest of ours has a date."""
    debian = re.match(r"virt-qm \(([^)]+)\) ", (ROOT / "debian/changelog").read_text())
    dated = re.search(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert debian is not None
    assert dated is not None
    assert debian[1] == dated[1] == bridge.__version__


def test_the_package_of_debian_asks_for_what_the_wheel_does() -> None:
    control = (ROOT / "debian/control").read_text()
    asked = set(re.findall(r"^ +(python3-[a-z0-9-]+)", control, re.MULTILINE))
    assert {f"python3-{name}" for name in floors()} <= asked
    assert "Recommends: python3-libvirt" in control
    assert "License: Apache-2.0" in (ROOT / "debian/copyright").read_text()


def test_scripts_of_packaging_are_shell() -> None:
    for script in ("debian/build", "debian/root", "tests/deb"):
        assert os.access(ROOT / script, os.X_OK)
        run("bash", "-n", ROOT / script, cwd=ROOT)


def test_the_workflow_runs_what_is_there() -> None:
    workflow = (ROOT / ".github/workflows/tests.yml").read_text()
    assert [command for command in re.findall(r"run: (\S+/run)$", workflow, re.MULTILINE) if not (ROOT / command).exists()] == []
    assert len(list((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))) == 3
