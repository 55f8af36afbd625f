"""What an option and a sub-option are: the row types of `data.options`, and short ways to write a row."""

from __future__ import annotations

from typing import NamedTuple

Default = bool | int | float | str | None


class Field(NamedTuple):
    """A sub-option. `alias`: another name of that field; with `key_alias` the name itself is the value of that other field."""

    type: str = "string"
    default: Default = None
    optional: bool = True
    default_key: bool = False
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    format: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    alias: str | None = None
    key_alias: str | None = None
    requires: str | None = None


class Option(NamedTuple):
    """A top-level option. `type`: string, boolean, integer or number.

    `fields` or `format` (bridge.qemuserver.formats) says how a string is checked.
    """

    type: str = "string"
    default: Default = None
    fields: dict[str, Field] | None = None
    format: str | None = None
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    max_index: int | None = None
    internal: bool = False
    """Written by qemu-server itself, most into snapshots; not settable."""
    since: str | None = None
    """Where an option comes from that is not in 9.2.6."""


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def flag(default: bool | None = None, *, optional: bool = True, default_key: bool = False) -> Field:
    return Field("boolean", default, optional, default_key)


def integer(
    minimum: int | None = None,
    maximum: int | None = None,
    default: int | None = None,
    *,
    optional: bool = True,
    default_key: bool = False,
) -> Field:
    return Field("integer", default, optional, default_key, minimum=minimum, maximum=maximum)


def number(minimum: int | None = None, maximum: int | None = None) -> Field:
    return Field("number", minimum=minimum, maximum=maximum)


def enum(choices: str, default: str | None = None, *, optional: bool = True, default_key: bool = False) -> Field:
    return Field("string", default, optional, default_key, words(choices))


def boolean_option(default: bool | None = None) -> Option:
    return Option("boolean", default)


def integer_option(minimum: int, maximum: int | None = None, default: int | str | None = None) -> Option:
    return Option("integer", default, minimum=minimum, maximum=maximum)


def choice_option(choices: str, default: str | None = None) -> Option:
    return Option(enum=words(choices), default=default)
