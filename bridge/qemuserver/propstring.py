"""Property strings, `part,part,...` with part `key=value` or a bare word: parsing, checking, printing.

Rules and messages as in PVE/JSONSchema.pm (parse_property_string, check_object, check_prop, print_property_string) of qemu-server 9.2.6;
config-grammar 5. A format is compiled once, at first use; a value is then checked in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..data.options import option
from ..data.schema import Field
from .formats import SPACE, cpu_problem, format_size, parse_size, value_format

Values: TypeAlias = dict[str, str | bool]
"""Sub-option -> what was written. Aliases are resolved, a bare word stands under the default key; booleans are bool, the rest is text."""


class FormatError(ValueError):
    """A value that qemu-server refuses; the message is its own (several lines if several sub-options are wrong)."""


_TRUTH = {
    spelling: truth
    for truth, words in ((True, "1 on yes true"), (False, "0 off no false"))
    for word in words.split()
    for spelling in (word, word.upper(), word.capitalize())
}
_INTEGER = re.compile(r"[+-]?[0-9]+").fullmatch
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.[0-9]+|[0-9]+\.|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_TYPES: dict[str, Callable[[str], object]] = {"integer": _INTEGER, "number": _NUMBER}


def truth(text: str) -> bool | None:
    """What a boolean's text says; None if it is none."""
    found = _TRUTH.get(text)
    return _TRUTH.get(text.lower()) if found is None else found


class Compiled:
    """A sub-option, ready to check values. `accepts` is None where any text is right."""

    __slots__ = ("accepts", "alias", "boolean", "field", "key_alias", "named", "pattern", "size")

    def __init__(self, field: Field) -> None:
        self.field = field
        self.boolean = field.type == "boolean"
        self.size = field.format == "disk-size"
        self.alias = field.alias
        self.key_alias = field.key_alias
        self.named = value_format(field.format) if field.format else None
        self.pattern = re.compile(field.pattern, re.ASCII).fullmatch if field.pattern else None
        self.accepts = self._acceptor()

    def _acceptor(self) -> Callable[[str], object] | None:
        """The cheapest test that is true for exactly the values that `problem` finds nothing wrong with."""
        field = self.field
        kind = _TYPES.get(field.type)
        if field.minimum is not None or field.maximum is not None:
            assert kind
            low = float("-inf") if field.minimum is None else field.minimum
            high = float("inf") if field.maximum is None else field.maximum
            return lambda text: kind(text) and low <= float(text) <= high
        tests: list[Callable[[str], object]] = []
        if kind:
            tests.append(kind)
        if self.named:
            tests.append(self.named.accepts)
        if self.pattern:
            tests.append(self.pattern)
        if field.enum:
            tests.append(frozenset(field.enum).__contains__)
        if field.max_length is not None and not field.enum:  # no word of an enumeration is too long
            limit = field.max_length
            return lambda text: len(text) <= limit and all(test(text) for test in tests)
        assert len(tests) < 2
        return tests[0] if tests else None

    def problem(self, text: str) -> str | None:
        """What qemu-server says about this value, None if it takes it. Order as in check_prop."""
        field = self.field
        kind = _TYPES.get(field.type)
        if self.boolean or (kind and not kind(text)):
            return f"type check ('{field.type}') failed - got '{text}'"
        if self.named and not self.named.accepts(text):
            return f"invalid format - {self.named.message(text)}\n"
        if self.pattern and not self.pattern(text):
            return "value does not match the regex pattern"
        if field.max_length is not None and len(text) > field.max_length:
            return f"value may only be {field.max_length} characters long"
        if kind and field.maximum is not None and float(text) > field.maximum:
            return f"value must have a maximum value of {field.maximum}"
        if kind and field.minimum is not None and float(text) < field.minimum:
            return f"value must have a minimum value of {field.minimum}"
        if field.enum and text not in field.enum:
            return f"value '{text}' does not have a value in the enumeration '{', '.join(field.enum)}'"
        return None


class _Unknown(Compiled):
    """Stands for a sub-option that there is not."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Field())
        self.accepts = lambda _: False

    def problem(self, _: str) -> str:
        return "property is not defined in schema and the schema does not allow additional properties"


_UNKNOWN = _Unknown()


class Format:
    """The format of a property string, compiled."""

    __slots__ = ("default_key", "fields", "place", "required", "requires", "validator")

    def __init__(self, fields: Mapping[str, Field], validator: Callable[[Mapping[str, str | bool]], str | None] | None = None) -> None:
        self.fields = {key: Compiled(field) for key, field in fields.items()}
        self.default_key = next((key for key, field in fields.items() if field.default_key), None)
        self.required = tuple(key for key, field in fields.items() if not field.optional)
        self.place = {key: (field.optional, key) for key, field in fields.items()}
        self.requires = tuple((key, field.requires) for key, field in fields.items() if field.requires)
        self.validator = validator


_FORMATS: dict[int, Format] = {}
_BY_KEY: dict[str, Format] = {}


def format_of(key: str) -> Format:
    """The compiled format of an option that is a property string (`scsi3`, `cpu`). KeyError if `key` is none."""
    found = _BY_KEY.get(key)
    if found is None:
        declared = option(key)
        if declared is None or declared.fields is None:
            raise KeyError(key)
        fields = declared.fields
        found = _FORMATS.get(id(fields))
        if found is None:
            found = _FORMATS[id(fields)] = Format(fields, cpu_problem if declared.format == "pve-vm-cpu-conf" else None)
        _BY_KEY[key] = found
    return found


_DUPLICATE = "duplicate key in comma-separated list property: "
_MISSING = "property is missing and it is not optional"


def _bare_word_key(form: Format, values: Values, had_bare: bool) -> str:
    """The default key, for a bare word; it may override an earlier false value."""
    key = form.default_key
    if key is None:
        raise FormatError("value without key, but schema does not define a default key")
    if had_bare or values.get(key, "0") not in (False, "0"):
        raise FormatError(_DUPLICATE + key)
    return key


def _indirect(form: Format, values: Values, key: str, field: Compiled | None) -> tuple[str, Compiled]:
    """The key and sub-option that an alias stands for; a key alias sets its own name too. Also takes keys that are unknown."""
    if field is None or field.alias is None:
        return key, _UNKNOWN
    if field.key_alias:
        if field.key_alias in values:
            raise FormatError(f"key alias '{field.key_alias}' is already defined")
        values[field.key_alias] = key
    if field.alias in values:
        raise FormatError(f"key '{field.alias}' is already defined (via alias)")
    return field.alias, form.fields[field.alias]


def parse(of: str | Format, text: str, *, ignore: tuple[str, ...] = ()) -> Values:
    """Parse and check a property string. `of` is the option's key (`net0`) or a compiled format; keys in `ignore` are skipped.

    Raises FormatError with qemu-server's message.
    """
    form = format_of(of) if isinstance(of, str) else of
    fields = form.fields
    values: Values = {}
    wrong: dict[str, str] | None = None
    had_bare = False
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals:
            if not key or not value:
                raise FormatError("missing key in comma-separated list property")
            if ignore and key in ignore:
                continue
            if key in values:
                raise FormatError(_DUPLICATE + key)
        elif not part.strip(SPACE):
            continue
        else:
            key, value = _bare_word_key(form, values, had_bare), part
            had_bare = True
            if wrong:
                wrong.pop(key, None)
        field = fields.get(key)
        if field is None or field.alias:
            key, field = _indirect(form, values, key, field)
        if field.boolean:
            said = truth(value)
            if said is not None:
                values[key] = said
                continue
        elif field.accepts is None or field.accepts(value):
            values[key] = value
            continue
        values[key] = value
        wrong = {**(wrong or {}), key: str(field.problem(value))}
    _check_object(form, values, wrong)
    return values


def _check_object(form: Format, values: Mapping[str, str | bool], wrong: dict[str, str] | None) -> None:
    """The checks that need all sub-options. Raises FormatError if there were problems before or are now."""
    for key in form.required:
        if key not in values:
            wrong = {**(wrong or {}), key: _MISSING}
    for key, needed in form.requires:
        if key in values and needed not in values:
            wrong = {**(wrong or {}), needed: f"missing property required by '{key}'"}
    if wrong:
        raise FormatError("format error\n" + "\n".join(f"{key}: {wrong[key]}" for key in sorted(wrong)))
    if form.validator:
        problem = form.validator(values)
        if problem:
            raise FormatError(problem)


def _value_text(key: str, field: Compiled, value: object) -> str:
    """A value as it is printed: sizes with the largest unit, booleans as 1 or 0."""
    if isinstance(value, bool):
        text = "1" if value else "0"
        if field.boolean:
            return text
    elif field.size:
        size = value if isinstance(value, int) else parse_size(str(value))
        if size is None:
            raise FormatError(f"{key}: not a size: '{value}'")
        text = format_size(size)
    else:
        text = value if isinstance(value, str) else str(value)
    if "," in text:
        raise FormatError(f"illegal value with commas for {key}")
    if "\n" in text or "\r" in text or not text:
        raise FormatError(f"a property string cannot hold this value of {key}: {text!r}")
    if field.boolean:
        right: object = truth(text) is not None
    else:
        right = field.accepts is None or field.accepts(text)
    if not right:
        raise FormatError(f"format error\n{key}: {field.problem(text)}")
    return text


def write(of: str | Format, values: Mapping[str, object]) -> str:
    """Print a property string: default key first without its name, then required keys, then the rest, each in byte order.

    Values are bool, int, float or text; a size may be a number of bytes; None leaves the key out. Model and MAC become `virtio=MAC`.
    Raises FormatError for what `parse` would not read back.
    """
    form = format_of(of) if isinstance(of, str) else of
    fields = form.fields
    texts: dict[str, str] = {}
    for key, value in values.items():
        if value is None:
            continue
        field = fields.get(key)
        if field is None or field.key_alias:
            raise FormatError(f"invalid key '{key}'")
        if field.alias is not None:
            key, field = field.alias, fields[field.alias]
        texts[key] = _value_text(key, field, value)
    if form.validator is None:  # nothing else looks at the values
        _check_object(form, texts, None)
    else:
        _check_object(form, {key: bool(truth(text)) if fields[key].boolean else text for key, text in texts.items()}, None)
    parts = []
    if form.default_key in texts:
        bare = texts.pop(form.default_key)
        named = fields.get(bare)
        joined = texts.pop(named.alias, None) if named and named.alias and named.key_alias == form.default_key else None
        if joined is not None:
            parts.append(f"{bare}={joined}")
        else:
            parts.append(f"{form.default_key}={bare}" if "=" in bare or not bare.strip(SPACE) else bare)
    if texts:
        parts += [f"{key}={texts[key]}" for key in sorted(texts, key=form.place.__getitem__)]
    return ",".join(parts)
