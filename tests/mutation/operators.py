"""The small faults: what is wrong in a line that looks right."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Mutant(NamedTuple):
    """`text` stands in place of what is between `start` and `end`, offsets in bytes of the module's source."""

    line: int
    start: int
    end: int
    text: str
    about: str

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]


COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
COUNTED: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Mod: "*", ast.LShift: ">>", ast.RShift: "<<",
}  # fmt: skip


class _Source:
    """Offsets of what the syntax tree calls lines and columns."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = [0]
        for line in source.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source[self.start(node) : self.end(node)].decode()

    def between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> tuple[int, int, str] | None:
        """The place of an operator between two operands."""
        start, end = self.end(left), self.start(right)
        gap = self.source[start:end].decode()
        at = gap.find(old)
        return (start + at, start + at + len(old), new) if gap.count(old) == 1 else None


def mutants(source: bytes) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree, where = ast.parse(source), _Source(source)
    skipped = _skipped(tree)
    found: list[Mutant] = []
    for node in ast.walk(tree):
        if id(node) not in skipped:
            found += [Mutant(line, start, end, text, about) for line, start, end, text, about in _of(node, where)]
    yield from sorted(found)


def _skipped(tree: ast.Module) -> set[int]:
    """Nodes in annotations, types, docstrings and imports, which do nothing; those in messages would say it in other words."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            roots += [each for each in (node.returns, *(argument.annotation for argument in arguments)) if each is not None]
        elif isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or _does_nothing(node):
            roots.append(node)
    return {id(inner) for root in roots for inner in ast.walk(root)}


def _does_nothing(node: ast.AST) -> bool:
    """A docstring, imports for the type checker, a type, which it judges, or the check of `zip`, which nothing fails."""
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "TypeVar"
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_Found = Iterator[tuple[int, int, int, str, str]]


def _of(node: ast.AST, where: _Source) -> _Found:
    if isinstance(node, ast.Compare):
        yield from _compared(node, where)
    elif isinstance(node, ast.BoolOp | ast.UnaryOp | ast.BinOp):
        yield from _operator(node, where)
    elif isinstance(node, ast.Constant):
        yield from _constant(node, where)
    elif isinstance(node, ast.stmt):
        yield from _statement(node, where)


def _operator(node: ast.BoolOp | ast.UnaryOp | ast.BinOp, where: _Source) -> _Found:
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            yield node.lineno, where.start(node), where.end(node), f"({where.text(node.operand)})", "not is gone"
    elif isinstance(node, ast.BoolOp):
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        left, right = node.values[0], node.values[1]
        if len(node.values) == 2 and (place := where.between(left, right, old, new)) is not None:
            yield (left.lineno, *place, f"{old} is {new}")
    elif type(node.op) in COUNTED:
        old = _symbol(node.op)
        if (place := where.between(node.left, node.right, old, COUNTED[type(node.op)])) is not None:
            yield (node.lineno, *place, f"{old} is {place[2]}")


def _statement(node: ast.stmt, where: _Source) -> _Found:
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield node.lineno, where.start(node), where.end(node), "return None", "nothing is returned"
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        test = node.test
        yield node.lineno, where.start(test), where.end(test), f"(not ({where.text(test)}))", "the condition is turned round"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield node.lineno, where.start(node), where.end(node), "pass", "the call is gone"
    elif isinstance(node, ast.Break | ast.Continue):
        word = "continue" if isinstance(node, ast.Break) else "break"
        yield node.lineno, where.start(node), where.end(node), word, f"it is {word}"


def _compared(node: ast.Compare, where: _Source) -> _Found:
    operands = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
        old, new = _symbol(operator), COMPARED[type(operator)]
        if (place := where.between(left, right, old, new)) is not None:
            yield (left.lineno, *place, f"{old} is {new}")


def _constant(node: ast.Constant, where: _Source) -> _Found:
    start, end, value = where.start(node), where.end(node), node.value
    if isinstance(value, bool):
        yield node.lineno, start, end, str(not value), f"{value} is {not value}"
    elif isinstance(value, int):
        yield node.lineno, start, end, str(value + 1), f"{value} is {value + 1}"
    elif isinstance(value, str) and value and " " not in value and where.text(node)[0] in "\"'":
        yield node.lineno, start, end, repr(value + "X"), f"{value!r} is another text"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "not in",
    ast.Is: "is", ast.IsNot: "is not", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%",
    ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip


def _symbol(operator: ast.AST) -> str:
    return _SYMBOLS[type(operator)]
