"""Modules of `bridge/` that note which of their statements run: each sets a digit before it does, which costs next to nothing.

A tracer sees lines, and makes the tests five times as slow.
"""

from __future__ import annotations

import ast
import builtins
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

from tests.corpus import ROOT

BRIDGE = ROOT / "bridge"
_TOUCHED, _TOUCH = "__touched__", "__touch__"
"""What marked modules call the digits, and the function that sets one: names of builtins, for every module sees those."""


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_bytes())


@cache
def places() -> dict[Path, int]:
    """The number of each module's first line, as if all were one file; and of the line after the last, by an empty path."""
    found, total = dict[Path, int](), 0
    for module in sorted(BRIDGE.rglob("*.py")):
        found[module] = total
        total += module.read_bytes().count(b"\n") + 1
    return {**found, Path(): total}


def place(module: Path, line: int) -> int | None:
    """The number of the innermost statement, or lambda, that has the line; none where it runs only when the module is loaded."""
    spans = [(end - start, -mark, mark) for start, end, mark in (*_statements(module), *_lambdas(module)) if start <= line <= end]
    return places()[module] + min(spans)[2] if spans else None


def in_function(module: Path, line: int) -> bool:
    return any(start <= line <= end for start, end, _ in _statements(module))


@cache
def _statements(module: Path) -> list[tuple[int, int, int]]:
    """(first line, last line, line of the mark) of those in functions."""
    bodies = [body for body in _bodies(tree(module)) if not isinstance(body, ast.Lambda)]
    return [(_first(each), each.end_lineno or each.lineno, each.lineno) for body in bodies for each in body]


@cache
def _lambdas(module: Path) -> list[tuple[int, int, int]]:
    return [(each.lineno, each.end_lineno or each.lineno, each.lineno) for each in _bodies(tree(module)) if isinstance(each, ast.Lambda)]


def _first(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(each.lineno for each in decorators)])


def _bodies(node: ast.AST, in_function: bool = False) -> Iterator[list[ast.stmt] | ast.Lambda]:
    """Lists of statements in functions, and lambdas."""
    if isinstance(node, ast.Lambda):
        yield node
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for name, value in ast.iter_fields(node):
        inside = in_function or (is_function and name == "body")
        if inside and isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _bodies(child, inside)


class Marks(importlib.abc.MetaPathFinder):
    """Modules of `bridge/` that are loaded from now on note what runs."""

    def __init__(self) -> None:
        self.clean = b"0" * places()[Path()]
        self.touched = bytearray(self.clean)
        setattr(builtins, _TOUCHED, self.touched)
        setattr(builtins, _TOUCH, self.touched.__setitem__)

    def taken(self) -> int:
        """A bit of each place that ran since it was asked last, the last place's the lowest."""
        found = int(self.touched, 2)
        self.touched[:] = self.clean
        return found

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        module = ROOT.joinpath(*name.split("."))
        file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        if file not in places():
            return None
        return importlib.util.spec_from_file_location(name, file, loader=_Loader(name, str(file)))


def bit(at: int) -> int:
    """Of a place, in what `taken` gives."""
    return 1 << (places()[Path()] - 1 - at)


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        del fullname
        return compile(_marked(Path(self.path)), self.path, "exec", dont_inherit=True)


def _marked(module: Path) -> ast.Module:
    parsed, base = ast.parse(module.read_bytes()), places()[module]
    for body in [*_bodies(parsed)]:
        if isinstance(body, ast.Lambda):
            touch = ast.Call(ast.Name(_TOUCH, ast.Load()), [ast.Constant(base + body.lineno), ast.Constant(ord("1"))], [])
            body.body = ast.BoolOp(ast.Or(), [touch, body.body])  # it is None
        else:
            body[:] = [each for n, node in enumerate(body) for each in (*_statement(node, base, n), node)]
    return ast.fix_missing_locations(parsed)


def _statement(node: ast.stmt, base: int, n: int) -> Iterator[ast.stmt]:
    """The mark before the nth of a body; a docstring stays the first."""
    if n or not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        digit = ast.Subscript(ast.Name(_TOUCHED, ast.Load()), ast.Constant(base + node.lineno), ast.Store())
        yield ast.copy_location(ast.Assign([digit], ast.Constant(ord("1"))), node)
