"""Validation by schema: libvirt's own RELAX NG where it is installed, and the bridge's XSD, which is always there.

The one module of this format that reads files: schemas.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

LIBVIRT_RNG = Path("/usr/share/libvirt/schemas/domain.rng")


class Problem(NamedTuple):
    """`line` is that of the XML text; 0 if the validator does not tell."""

    line: int
    message: str


def schema_file(name: str) -> Path:
    """A schema of this package: beside it in a checkout, inside it when installed."""
    package = Path(__file__).parents[2]
    return next(path for path in (package / "schemas" / name, package.parent / "schemas" / name) if path.exists())


def rng_problems(text: str, schema: Path = LIBVIRT_RNG) -> list[Problem] | None:
    """What libvirt's schema says; None if it is not installed. `text` must be well-formed."""
    if not schema.exists():
        return None
    from lxml import etree

    rng = _rng(schema)
    if rng.validate(etree.fromstring(text.encode())):
        return []
    return [Problem(entry.line, entry.message) for entry in rng.error_log][-1:]


def xsd_problems(text: str, name: str = "domain.xsd") -> list[Problem]:
    """What the bridge's schema says."""
    from lxml import etree

    root = etree.fromstring(text.encode())
    return [Problem(error.sourceline or 0, f"{error.path}: {error.reason}") for error in _xsd(name).iter_errors(root)]


@lru_cache
def _rng(schema: Path) -> Any:
    from lxml import etree

    return etree.RelaxNG(etree.parse(str(schema)))


@lru_cache
def _xsd(name: str) -> Any:
    import xmlschema

    return xmlschema.XMLSchema11(str(schema_file(name)))
