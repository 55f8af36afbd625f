"""Fixtures for everybody: the corpora, libvirt's embedded driver, QEMU, libvirt's schemas."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import click.testing
import pytest
from hypothesis import HealthCheck, settings

from tests import corpus as corpora
from tests.embed.driver import EmbeddedDriver
from tests.embed.qemu import Qemu
from tests.embed.qemu import start as start_qemu

if "mix_stderr" in inspect.signature(click.testing.CliRunner).parameters:  # before click 8.2 a result has both streams in one, or apart
    from tests import old_click

    old_click.patch()

SCHEMAS = Path("usr/share/libvirt/schemas/domain.rng")

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # how long an example takes says how busy the machine is


STARTS = frozenset(("corpus", "embed", "embedded_driver", "libvirt_schemas", "qemu_start", "shared"))
"""Fixtures of tests that start processes, or take the corpora: not quick. What else is not has the marker `slow`."""
PROCESSES = frozenset(("guest", "libvirtd", "move"))
"""Directories of tests with processes of libvirt and QEMU: slow."""
LAST = ("boot", "bench")
"""Directories of tests that run after all others."""
SLOW = (*LAST, "guest", "libvirtd")
"""Directories without a quick test."""
PARTS = {None: range(5), "light": range(2), "heavy": range(2, 4), "alone": range(4, 5)}
"""The ranks of `--part`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="what needs nothing but the package, in a minute")
    about = "light: on as many cores as there are; heavy: starts machines, some files at a time; alone: measures"
    parser.addoption("--part", choices=[part for part in PARTS if part], help=about)
    parser.addoption("--full", action="store_true", help="every row of the corpora where the default is a sample")
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure: tests/run has installed everything")


def pytest_report_header(config: pytest.Config) -> str:
    if corpora.SHARED is None:
        return "corpora: none beside this repo, so their tests are left out"
    return f"corpora: {corpora.SHARED}, {'all rows' if config.getoption('--full') else 'slow tests take a sample (--full takes all)'}"


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: fixtures end what they started
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would all that the tests start
    about = "run once for every row of these files; the test takes `row`. A slow test names a sample size."
    config.addinivalue_line("markers", f"corpus(*files, sample=None): {about}")
    about = "takes its time, or starts programs that a machine may not have; runs last, and not with --quick"
    config.addinivalue_line("markers", f"slow: {about}")
    about = "starts no process, though its neighbours in the directory do: runs with --quick"
    config.addinivalue_line("markers", f"quick: {about}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Directories of slow tests alone take their time to be looked at, too."""
    is_slow = collection_path.is_dir() and collection_path.parent == Path(__file__).parent and collection_path.name in SLOW
    return True if is_slow and config.getoption("--quick") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("corpus")
    if marker is None:
        return
    if metafunc.config.getoption("--quick"):
        metafunc.parametrize("row", [None])  # left out below
        return
    rows = [pytest.param(row, id=f"{name.removesuffix('.jsonl')}-{row['name']}") for name in marker.args for row in corpora.rows(name)]
    metafunc.parametrize("row", corpora.sample(rows, marker.kwargs.get("sample"), metafunc.config.getoption("--full")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is over soon comes first. Without corpora, their tests are deselected: a skip would hide among those that matter."""
    part = config.getoption("--part")
    ranks = range(1) if config.getoption("--quick") else PARTS[part]
    ranked = [(_rank(item), item) for item in items]
    kept = [each for each in ranked if each[0] in ranks and (corpora.SHARED is not None or not _takes_corpora(each[1]))]
    if len(kept) < len(items):
        chosen = {item for _, item in kept}
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    is_heavy = part == "heavy"  # one that takes long and begins last would keep a core waiting
    items[:] = [item for _, item in sorted(kept, key=lambda each: each[0], reverse=is_heavy)]


def _rank(item: pytest.Item) -> int:
    """0: quick; 1: starts a process or takes the corpora; 2: slow; from 3 on: runs last."""
    room = item.path.relative_to(Path(__file__).parent).parts[0]
    if room in LAST:
        return 3 + LAST.index(room)
    if item.get_closest_marker("slow") or (room in PROCESSES and not item.get_closest_marker("quick")):
        return 2
    return int(_takes_corpora(item) or not STARTS.isdisjoint(_fixtures(item)))


def _takes_corpora(item: pytest.Item) -> bool:
    return item.get_closest_marker("corpus") is not None or not _fixtures(item).isdisjoint(("corpus", "shared"))


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("\nA skipped test counts as failed here.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether --full was given."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def sample(full: bool) -> Callable[[Sequence[corpora.Row], int], Sequence[corpora.Row]]:
    """sample(rows, size): at most so many, the same ones every time; with --full all of them."""
    return lambda rows, size: corpora.sample(rows, size, full)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory with the corpora; a test that takes it is left out where there is none."""
    assert corpora.SHARED is not None
    return corpora.SHARED


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Callable[[str], list[corpora.Row]]:
    """corpus("random.jsonl"): the rows of a file; a test that takes it is left out where there are no corpora."""
    assert shared
    return corpora.rows


@pytest.fixture(scope="session")
def embedded_driver() -> Iterator[EmbeddedDriver]:
    """The driver that `embed` lends to one test after another: probing QEMU takes it a second or two, once."""
    driver = EmbeddedDriver()
    yield driver
    driver.close()


@pytest.fixture
def embed(embedded_driver: EmbeddedDriver) -> EmbeddedDriver:
    """libvirt's embedded QEMU driver, empty before the test, whatever the one before did."""
    embedded_driver.clear()
    return embedded_driver


@pytest.fixture
def qemu_start() -> Iterator[Callable[[list[str]], Qemu]]:
    """qemu_start(argv): a command line started paused under TCG, without the parts that need its host; ended after the test."""
    with ExitStack() as running:
        yield lambda argv: running.enter_context(start_qemu(argv))


@pytest.fixture(scope="session")
def libvirt_schemas() -> dict[str, Path]:
    """libvirt's own RNG schema of domains by release, `{"9.0": path, "11.3": path}`: the one installed, and those tests/install fetched."""
    import libvirt

    number = libvirt.getVersion()
    found = {f"{number // 1_000_000}.{number // 1_000 % 1_000}": "/" / SCHEMAS}
    for unpacked in sorted((corpora.ROOT / ".cache/schemas").glob("*")):
        major, minor = (unpacked / "version").read_text().split(".")[:2]
        found[f"{major}.{minor}"] = unpacked / SCHEMAS
    assert all(path.is_file() for path in found.values()), f"run tests/install: {found}"
    return found
