"""Which tests a mutant is to run, and in which order."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

from tests.mutation.marks import BRIDGE, bit, in_function, place, tree
from tests.mutation.plugin import LOADED, unpacked

FEW = 4
"""Tests."""
OTHERS = 300
"""Tests that a mutant runs at most if none of them touches its line, or a line that uses what it makes."""
ASTRAY = 50
"""Tests that a mutant in a function runs if none touches its line: it survives, unless what touched it was not noticed."""
BUDGET = 60.0
"""Seconds that the tests of a mutant took without it, at most: what thousands of tests do not notice, the last ones would hardly."""


class Touched:
    """What the quick tests touched when they ran once (`plugin`)."""

    def __init__(self, directory: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.bits: dict[str, int] = {}
        self.loading = 0
        for record in directory.glob("*.json"):
            for test, (seconds, touched) in json.loads(record.read_text()).items():
                if test == LOADED:
                    self.loading |= unpacked(touched)
                else:
                    self.seconds[test], self.bits[test] = seconds, unpacked(touched)
        self.cost = {test: (0.01 + self.seconds[test]) * bits.bit_count() for test, bits in self.bits.items()}
        self.names = _Names()

    def tests(self, module: Path, line: int) -> tuple[list[str], bool]:
        """Those that touch the line, and whether it runs when modules are loaded.

        Then it is those that touch a line which names what the line makes, and some more; so it is for a line that hardly any test
        touches, for it may make what others remember.
        What is done soon and touches little comes first: it is likelier to be about this line, and cheaper to find out.
        """
        mask = self._mask([(module, line)])
        found, loading = self._touching(mask), not in_function(module, line) or bool(mask & self.loading)
        if not loading and len(found) >= FEW:
            return self._within_budget(sorted(found, key=self._cost)), False
        users = self._touching(self._mask(self.names.uses(module, line)))
        order = sorted(self.seconds, key=lambda test: (test not in found, test not in users, self._cost(test)))
        if not loading and not found:
            return order[:ASTRAY], False
        return self._within_budget(order[: max(OTHERS, len(found | users))]), loading

    def _within_budget(self, tests: list[str]) -> list[str]:
        spent = accumulate(self.seconds[test] for test in tests)
        return [test for test, until in zip(tests, spent, strict=True) if until <= BUDGET]

    def expected(self, tests: Iterable[str]) -> float:
        """Seconds that they took."""
        return sum(self.seconds.get(test, 0) for test in tests)

    def _cost(self, test: str) -> tuple[float, str]:
        return self.cost[test], test

    def _mask(self, lines: Iterable[tuple[Path, int]]) -> int:
        places = {place(module, line) for module, line in lines}
        return sum(bit(at) for at in places if at is not None)

    def _touching(self, mask: int) -> set[str]:
        return {test for test, bits in self.bits.items() if bits & mask}


class _Names:
    """Where in the functions of `bridge/` a name is read that a module binds."""

    def __init__(self) -> None:
        self.readers: dict[str, set[tuple[Path, int]]] = defaultdict(set)
        """Lines of functions that read a name."""
        self.makers: dict[str, set[str]] = defaultdict(set)
        """Names that modules bind with the help of a name."""
        for module in BRIDGE.rglob("*.py"):
            for statement in tree(module).body:
                bound = set(_bound(statement))
                for node, late in _walk(statement):
                    read = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
                    if read is None:
                        continue
                    if late:
                        self.readers[read].add((module, getattr(node, "lineno", 0)))
                    else:
                        self.makers[read] |= bound

    def uses(self, module: Path, line: int) -> set[tuple[Path, int]]:
        """Lines that read what the statement of this line binds, or what is made of it."""
        todo = [name for each in tree(module).body if _first(each) <= line <= (each.end_lineno or line) for name in _bound(each)]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.makers[name]
        return set().union(*(self.readers[name] for name in seen))


def _first(statement: ast.stmt) -> int:
    """A function's line is that of `def`."""
    decorators = getattr(statement, "decorator_list", ())
    return min((each.lineno for each in decorators), default=statement.lineno)


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (each.asname for each in statement.names if each.asname)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _walk(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Decorators and defaults are not in their function: they run when it is made."""
    yield node, in_function
    for child in ast.iter_child_nodes(node):
        is_body = isinstance(child, ast.stmt) if isinstance(node, _FUNCTION) else isinstance(node, ast.Lambda) and child is node.body
        yield from _walk(child, in_function or is_body)
