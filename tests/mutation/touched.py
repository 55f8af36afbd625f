"""Which tests a mutant is to run, and in which order."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import coverage

from tests.corpus import ROOT

BRIDGE = ROOT / "bridge"
FEW = 4
"""Tests."""
OTHERS = 1500
"""Tests that a mutant runs at most if none of them touches its line, or a line that uses what it makes."""


class Touched:
    """What the quick tests touched when they ran once (`plugin`)."""

    def __init__(self, directory: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[Path, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        records = sorted(directory.glob("*.json"))
        for seconds in records:
            self.seconds |= json.loads(seconds.read_text())
        for seconds in records:
            data = coverage.CoverageData(str(seconds.with_suffix("")))
            data.read()
            for measured in data.measured_files():
                for line, names in data.contexts_by_lineno(measured).items():
                    self.lines[Path(measured)][line] |= {name for name in names if not name or name in self.seconds}
        self.size = Counter(test for lines in self.lines.values() for tests in lines.values() for test in tests)
        self.names = _Names()

    def tests(self, module: Path, line: int) -> tuple[list[str], bool]:
        """Those that touch the line, and whether it runs when modules are loaded or tests are collected.

        Then it is those that touch a line which names what the line makes, and some more; so it is for a line that hardly any test
        touches, for it may make what others remember.
        What is done soon and touches little comes first: it is likelier to be about this line, and cheaper to find out.
        """
        found = self.lines.get(module, {}).get(line, set())
        loading = "" in found
        if not loading and len(found) >= FEW:
            return sorted(found, key=self._cost), False
        users = {test for file, at in self.names.uses(module, line) for test in self.lines.get(file, {}).get(at, ())}
        order = sorted(self.seconds, key=lambda test: (test not in found, test not in users, self._cost(test)))
        return order[: max(OTHERS, len(found | users))], loading

    def expected(self, tests: Iterable[str]) -> float:
        """Seconds that they took."""
        return sum(self.seconds.get(test, 0) for test in tests)

    def _cost(self, test: str) -> tuple[float, str]:
        return (0.01 + self.seconds.get(test, 0)) * self.size[test], test


class _Names:
    """Where in the functions of `bridge/` a name is read that a module binds."""

    def __init__(self) -> None:
        self.readers: dict[str, set[tuple[Path, int]]] = defaultdict(set)
        """Lines of functions that read a name."""
        self.makers: dict[str, set[str]] = defaultdict(set)
        """Names that modules bind with the help of a name."""
        for module in BRIDGE.rglob("*.py"):
            for statement in _tree(module).body:
                bound = set(_bound(statement))
                for node, in_function in _walk(statement):
                    read = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
                    if read is None:
                        continue
                    if in_function:
                        self.readers[read].add((module, getattr(node, "lineno", 0)))
                    else:
                        self.makers[read] |= bound

    def uses(self, module: Path, line: int) -> set[tuple[Path, int]]:
        """Lines that read what the statement of this line binds, or what is made of it."""
        todo = [name for each in _tree(module).body if each.lineno <= line <= (each.end_lineno or line) for name in _bound(each)]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.makers[name]
        return set().union(*(self.readers[name] for name in seen))


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_bytes())


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (each.asname for each in statement.names if each.asname)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _walk(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    yield node, in_function
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
