"""The cluster's own CPU models: /etc/pve/virtual-guest/cpu-models.conf (PVE::QemuServer::CPUConfig, qemu-server 9.2.6)."""

from __future__ import annotations

import re

import msgspec

from .sections import TYPED_HEADER, Section, Warnings, read_sections, yes

_FLAG = r"[+-][A-Za-z0-9_.-]+"
_FLAGS = re.compile(rf"{_FLAG}(?:;{_FLAG})*")
_VENDOR = re.compile(r"[A-Za-z0-9]{1,12}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NUMBER = re.compile(r"[0-9]{1,10}")


class CPUModel(msgspec.Struct, frozen=True, kw_only=True):
    """What `cpu: custom-NAME` stands for; a VM's own settings win over it."""

    name: str
    """Without the prefix `custom-`."""
    reported_model: str | None = None
    """None: qemu-server's default."""
    hidden: bool | None = None
    hv_vendor_id: str | None = None
    flags: str | None = None
    """`+aes;-avx`"""
    guest_phys_bits: int | None = None
    phys_bits: str | None = None
    """A number, or `host`."""
    level: int | None = None


def _number(text: str, low: int, high: int) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and low <= int(text) <= high else None


def _value(key: str, text: str) -> str | int | bool | None:
    """The value of a known key, None for a bad one."""
    match key:
        case "hidden":
            return yes(text)
        case "guest-phys-bits":
            return _number(text, 32, 64)
        case "level":
            return _number(text, 0, 4294967295)
        case "phys-bits":
            return text if text == "host" or _number(text, 8, 64) is not None else None
    pattern = {"reported-model": _MODEL, "hv-vendor-id": _VENDOR, "flags": _FLAGS}[key]
    return text if pattern.fullmatch(text) else None


_KEYS = frozenset({"reported-model", "hidden", "hv-vendor-id", "flags", "guest-phys-bits", "phys-bits", "level"})


def read_cpu_models(text: str, file: str, warnings: Warnings) -> dict[str, CPUModel]:
    """The models by name. What cannot be read is left out, with a warning."""
    models: dict[str, CPUModel] = {}
    for section in read_sections(text, file, TYPED_HEADER, warnings):
        if section.type != "cpu-model":
            warnings.append((section.line, f"unknown section type '{section.type[:40]}', section ignored"))
        else:
            models[section.id] = _model(section, warnings)
    return models


def _model(section: Section, warnings: Warnings) -> CPUModel:
    found: dict[str, str | int | bool] = {}
    for key, text, line in section.entries:
        field = key.replace("-", "_")
        if key not in _KEYS or field in found:
            problem = "is there twice" if field in found else "is not a known key"
            warnings.append((line, f"CPU model '{section.id}': '{key[:40]}' {problem}, ignored"))
            continue
        value = _value(key, "1" if text is None and key == "hidden" else text or "")
        if value is None:
            warnings.append((line, f"CPU model '{section.id}': unusable value of '{key}', ignored"))
        else:
            found[field] = value
    return CPUModel(name=section.id, **found)  # type: ignore[arg-type]
