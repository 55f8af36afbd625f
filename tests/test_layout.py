"""Laws about the tree itself (design 1): who may import whom, how long a module is, where version numbers stand."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.corpus import ROOT

KINDS = frozenset((
    *("machine", "firmware", "cpu", "memory", "balloon", "clock", "boot", "iothread", "controller", "disk", "net", "display", "audio"),
    *("input", "serial", "usb", "hostpci", "tpm", "rng", "watchdog", "agent", "share", "cloudinit", "security", "meta", "raw"),
))
"""What a VM is made of, by the names of design 1."""

FORMATS = ("qemuserver", "libvirt", "argv")
LAYER = {
    **dict.fromkeys(("core", "model", "data"), 0),
    **dict.fromkeys(("passes", "host"), 1),
    **dict.fromkeys(FORMATS, 2),
    **dict.fromkeys(("roundtrip", "paths", "convert"), 3),
    **dict.fromkeys(("__init__", "fleet"), 4),
    **dict.fromkeys(("guest", "show", "operations", "api", "testing"), 5),
    **dict.fromkeys(("cli", "__main__"), 6),
}

DOORS = frozenset(("libvirt/host/connect.py", "libvirt/host/serve.py", "libvirt/host/validate.py"))
"""The only modules of model, data, passes and formats that touch files or hosts."""
OUTSIDE = frozenset((
    *("asyncio", "datetime", "glob", "io", "libvirt", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "signal"),
    *("socket", "subprocess", "tempfile", "time", "urllib.request"),
))

MODULES = sorted((ROOT / "bridge").rglob("*.py"))
VERSION = re.compile(
    r"""(0|[1-9]\d?) \. \d{1,2} (\.\d{1,3})? (\+pve\d+)?   # 9.2, 10.0.2, 9.2+pve1
    | \+pve[1-9]\d*
    | (>=?|<=?|==) \s* \d+\.\d+ .*
    | .* \b (i440fx|q35|virt)-\d+\.\d+ .*""",
    re.VERBOSE,
)
NO_VERSION = {"1.0", "1.1", "1.2", "2.0", "2.1", "3.0"}
"""Looks like a version of QEMU, libvirt or a machine and is none: versions of XML, TPM and USB. So do names of files, `pve-q35-4.0.cfg`."""

ELSEWHERE = re.compile(
    r"/wor[k]/|/tm[p]/w/|/opt/(?:wheels|pypi)|\b(?:deb|ftp|security|snapshot|mirrors?)[.][\w.]*debian[.]org|\b(?:test[.])?pypi[.]org|pythonhosted[.]org|npmjs[.]"
    r"|registry[.][\w-]+[.]\w+|\b(?:inde[x]-url|truste[d]-host)\b"
)
"""Paths of one machine, hosts of mirrors and package registries."""


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), str(module))


def name(module: Path) -> str:
    """`libvirt/disk.py`"""
    return module.relative_to(ROOT / "bridge").as_posix()


def unit(dotted: str) -> str:
    """The part of `bridge` that a module belongs to: `libvirt` of `bridge.libvirt.disk`."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of everything that a module imports anywhere in it, of `bridge` and of others."""
    package = ["bridge", *module.relative_to(ROOT / "bridge").parent.parts]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = (ROOT.joinpath(*source.split("."), alias.name)).with_suffix("")
                is_module = submodule.is_dir() or submodule.with_suffix(".py").exists()
                yield node.lineno, f"{source}.{alias.name}" if is_module else source


def test_imports_go_one_way() -> None:
    """model, data -> passes, host -> formats -> roundtrip, paths -> the API -> what acts and shows -> cli; no format imports another."""
    wrong = []
    for module in MODULES:
        own = unit("bridge." + name(module).removesuffix(".py").replace("/", "."))
        for line, imported in imports(module):
            if imported.split(".")[0] != "bridge" or unit(imported) == own or own == "__init__":  # that names the API, and imports at use
                continue
            up, down = LAYER[own], LAYER[unit(imported)]
            if down > up or (down == up and own in FORMATS):
                wrong.append(f"{name(module)}:{line} imports {imported}")
    assert wrong == []


def test_conversion_is_pure() -> None:
    """Model, data, passes and formats touch no file, process, host, clock or chance, but for the doors."""
    wrong = []
    for module in MODULES:
        if name(module).split("/")[0] not in {"model", "data", "passes", *FORMATS} or name(module) in DOORS:
            continue
        for line, imported in imports(module):
            if {imported, imported.split(".")[0]} & OUTSIDE:
                wrong.append(f"{name(module)}:{line} imports {imported}")
        calls = (node for node in ast.walk(tree(module)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
        wrong += [f"{name(module)}: {ast.unparse(call)}" for call in calls if ast.unparse(call.func) in ("open", "print", "input")]
    assert wrong == []


def test_modules_are_short() -> None:
    """No module is longer than 400 lines; tests, which are lists of cases, may be."""
    every = [*MODULES, *(path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_"))]
    lengths = {module.relative_to(ROOT).as_posix(): module.read_text(encoding="utf-8").count("\n") for module in every}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_the_model_has_the_kinds() -> None:
    """One module of `model` for every kind; `vm` and `part` hold them together."""
    assert {module.stem for module in (ROOT / "bridge/model").glob("*.py")} == KINDS | {"__init__", "vm", "part"}


def test_kinds_have_one_name_everywhere() -> None:
    """What reads or writes a kind has that kind's name: `git ls-files '*/disk.py'` is the whole story of disks."""
    wrong = []
    for module in MODULES:
        package, _, stem = name(module).removesuffix(".py").partition("/")
        if package in FORMATS and stem not in KINDS | {"read", "write"}:
            wrong += [f"{name(module)}: {both}" for both in kind_functions(tree(module))]
    assert wrong == []


def test_a_format_has_one_list_of_its_kinds() -> None:
    """`kinds.py`: no other module of the format knows more than a few of them."""
    for package in FORMATS:
        many = set()
        for module in (ROOT / "bridge" / package).glob("*.py"):
            own = {imported.rpartition(".")[2] for _, imported in imports(module) if imported.startswith(f"bridge.{package}.")}
            if len(own & KINDS) > 5:
                many.add(module.name)
        assert many == {"kinds.py"}, package


def test_all_devices_are_asked_of_the_vm() -> None:
    """Who wants all devices asks `VM.devices()`: no list of the kinds of devices stands anywhere else."""
    fields = {"balloon", "tablet", "watchdog", "rng", "audio", "ivshmem"}
    wrong = []
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Tuple | ast.List) and name(module) != "model/vm.py":
                said = {each.attr for each in node.elts if isinstance(each, ast.Attribute)}
                said |= {each.value for each in node.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)}
                if len(said & fields) > 3:
                    wrong.append(f"{name(module)}:{node.lineno} {ast.unparse(node)}")
    assert wrong == []


def test_what_is_read_is_taken_by_the_tree_itself() -> None:
    """Readers take by `take`, `claim`, `only` and the like: none sets the marks, or deletes attributes, past the node (or the option)."""
    wrong = []
    for module in MODULES:
        if name(module) in ("libvirt/tree/node.py", "argv/reading/said.py") or not name(module).startswith(("libvirt/", "argv/")):
            continue
        for node in ast.walk(tree(module)):
            for target in node.targets if isinstance(node, ast.Assign | ast.Delete) else ():
                text = ast.unparse(target)
                if text.endswith((".claimed", ".text_claimed")) or (isinstance(node, ast.Delete) and ".attrib[" in text):
                    wrong.append(f"{name(module)}:{target.lineno} {text}")
    assert wrong == []


def kind_functions(module: ast.Module) -> Iterator[str]:
    """The functions with the form of a kind's: `read(section, …)`, `read(domain, …)`, `write(vm, …)`."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.args.args:
            first = node.args.args[0].arg
            if (node.name == "read" and first in ("section", "domain")) or (node.name == "write" and first == "vm"):
                yield node.name


def documentation(module: ast.Module) -> set[int]:
    """Ids of the constants that are docstrings, or texts beside an assignment."""
    return {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}


def versions(module: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, text) of constants that are versions, and of comparisons and calls that spell one: `qemu >= (9, 2)`, `version(9, 2)`."""
    texts = documentation(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            if VERSION.fullmatch(node.value) and node.value not in NO_VERSION and not node.value.endswith(".cfg"):
                yield node.lineno, node.value
        elif isinstance(node, ast.Compare) and not any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            for side in (node.left, *node.comparators):
                if isinstance(side, ast.Tuple) and len(side.elts) >= 2 and all(is_number(part) for part in side.elts):
                    yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and "version" in ast.unparse(node.func).lower() and any(is_number(a) for a in node.args):
            yield node.lineno, ast.unparse(node)


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def test_versions_stand_in_gates() -> None:
    """No version of QEMU, libvirt, a machine or qemu-server outside data/gates.py: name the gate there, ask for it by name."""
    found = []
    for module in MODULES:
        if name(module) not in ("data/gates.py", "__init__.py"):
            found += [f"{name(module)}:{line} {text}" for line, text in versions(tree(module))]
    assert found == []


@pytest.mark.parametrize("source", ["'9.2'", "'11.0.2'", "'pc-i440fx-5.1+pve0'", "'+pve1'", "'>=9.1'", "y >= (9, 2)", "version(9, 2)"])
def test_a_version_is_recognised(source: str) -> None:
    assert list(versions(ast.parse(f"x = {source}")))


@pytest.mark.parametrize(
    "source", ["x = '1d.7'", "x = '02.0'", "x = '0x1.0x2'", "x = '+pve0'", "x = (9, 2)", "y in (9, 2)", "'since 9.2'", "x = '10'"]
)
def test_what_is_no_version_is_left_alone(source: str) -> None:
    assert not list(versions(ast.parse(source)))


def committed() -> Iterator[Path]:
    """Files of the repo, those that wait to be committed too."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for path in listed.stdout.split("\0"):
        if path and (ROOT / path).is_file():
            yield ROOT / path


def test_files_name_no_machine_and_no_mirror() -> None:
    """Nothing in the repo knows where it was made, or which mirror it was made with."""
    found = []
    for path in committed():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in ELSEWHERE.finditer(text)]
    assert found == []
