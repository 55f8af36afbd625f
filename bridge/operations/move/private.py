"""libvirt's migration protocol version 3, step by step, for a move whose other end is a QEMU that no libvirt knows.

`virsh migrate` walks through Begin, Prepare, Perform, Finish and Confirm between two libvirts. Its steps are exported by libvirt.so.0 for
the use of libvirt itself (LIBVIRT_PRIVATE, src/libvirt_internal.h), and are part of the remote protocol, so that they cannot change there;
but they are not API. This module calls them with ctypes, beside libvirt-python, in a child process (`served`): a wrong call ends the child,
and not the move.

Constants are those of libvirt's include/libvirt/libvirt-domain.h.
"""

from __future__ import annotations

import ctypes
from typing import Any

LIVE, PERSIST_DEST, NON_SHARED_DISK, UNSAFE = 1, 8, 64, 512
"""virDomainMigrateFlags."""
TYPE_STRING, TYPE_ULLONG = 7, 4
"""virTypedParameterType."""
CALLS = ("Begin3Params", "Prepare3Params", "Perform3Params", "Finish3Params", "Confirm3Params")

_POINTER_OF = ctypes.pythonapi.PyCapsule_GetPointer
_POINTER_OF.restype, _POINTER_OF.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


class _Value(ctypes.Union):
    _fields_ = (("number", ctypes.c_ulonglong), ("text", ctypes.c_char_p))


class _Parameter(ctypes.Structure):
    """virTypedParameter."""

    _fields_ = (("field", ctypes.c_char * 80), ("type", ctypes.c_int), ("value", _Value))


Given = dict[str, str | int | list[str]]
"""Typed parameters: a text, a number of 64 bits, or several texts."""


class MissingError(Exception):
    """This libvirt.so.0 has no such calls."""


class Protocol3:
    """The calls. `libvirt` is the module of libvirt-python; a call that libvirt refuses raises its libvirtError.

    Cookies are bytes with their NUL. None is ever empty: libvirtd 11.3 crashes on an empty one.
    """

    def __init__(self, libvirt: Any) -> None:
        self._libvirt = libvirt
        library = ctypes.CDLL("libvirt.so.0")  # the one that libvirt-python has loaded
        try:
            self._calls = {name: getattr(library, f"virDomainMigrate{name}") for name in CALLS}
        except AttributeError:
            raise MissingError from None
        pointer, text, number, flags = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
        out_text, out_number = ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_int)
        given, cookie, out = (pointer, number), (text, number), (out_text, out_number)
        self._calls["Begin3Params"].argtypes = (pointer, *given, *out, flags)
        self._calls["Prepare3Params"].argtypes = (pointer, *given, *cookie, *out, out_text, flags)
        self._calls["Perform3Params"].argtypes = (pointer, text, *given, *cookie, *out, flags)
        self._calls["Finish3Params"].argtypes = (pointer, *given, *cookie, *out, flags, number)
        self._calls["Confirm3Params"].argtypes = (pointer, *given, *cookie, flags, number)
        self._calls["Begin3Params"].restype = pointer
        self._calls["Finish3Params"].restype = pointer

    def begin(self, domain: Any, flags: int, given: Given) -> str:
        """The XML of the domain as it is to be on the other side."""
        out = _Out()
        found = self._calls["Begin3Params"](_domain(domain), *_parameters(given), *out.cookie, flags)
        if not found:
            raise self._error()
        return (ctypes.cast(found, ctypes.c_char_p).value or b"").decode()

    def prepare(self, host: Any, flags: int, given: Given, cookie: bytes) -> bytes:
        """Start the target, which waits for the stream; libvirt's cookie."""
        out, uri = _Out(), ctypes.c_char_p()
        done = self._calls["Prepare3Params"](
            _host(host), *_parameters(given), *_given_cookie(cookie), *out.cookie, ctypes.byref(uri), flags
        )
        if done < 0:
            raise self._error()
        return out.bytes()

    def perform(self, domain: Any, flags: int, given: Given, cookie: bytes) -> bytes:
        """Send the domain; it stands still then. libvirt's cookie, which has the statistics. It goes on if this fails."""
        out = _Out()
        if self._calls["Perform3Params"](_domain(domain), None, *_parameters(given), *_given_cookie(cookie), *out.cookie, flags) < 0:
            raise self._error()
        return out.bytes()

    def finish(self, host: Any, flags: int, given: Given, cancelled: bool, cookie: bytes) -> bool:
        """Let the target run, or drop it. Whether it runs; libvirt's refusal to run it drops it, too."""
        out = _Out()
        found = self._calls["Finish3Params"](_host(host), *_parameters(given), *_given_cookie(cookie), *out.cookie, flags, int(cancelled))
        if not found and not cancelled:
            raise self._error()
        return bool(found)

    def confirm(self, domain: Any, flags: int, given: Given, cancelled: bool, cookie: bytes) -> None:
        """End the source, or let it go on."""
        if self._calls["Confirm3Params"](_domain(domain), *_parameters(given), *_given_cookie(cookie), flags, int(cancelled)) < 0:
            raise self._error()

    def _error(self) -> Exception:
        """libvirt-python makes its exception of what this thread's last call left."""
        found: Exception = self._libvirt.libvirtError("the migration failed, and libvirt does not say why")
        return found


class _Out:
    """Where a call puts its cookie."""

    def __init__(self) -> None:
        self._data, self._size = ctypes.c_char_p(), ctypes.c_int(0)
        self.cookie = ctypes.byref(self._data), ctypes.byref(self._size)

    def bytes(self) -> bytes:
        return ctypes.string_at(self._data, self._size.value) if self._data and self._size.value > 0 else b""


def _host(host: Any) -> int:
    return int(_POINTER_OF(host._o, b"virConnectPtr"))


def _domain(domain: Any) -> int:
    return int(_POINTER_OF(domain._o, b"virDomainPtr"))


def _parameters(given: Given) -> tuple[Any, int]:
    listed = [(name, value) for name, said in given.items() for value in (said if isinstance(said, list) else [said])]
    found = (_Parameter * max(1, len(listed)))()
    for each, (name, value) in zip(found, listed, strict=False):
        each.field = name.encode()
        if isinstance(value, str):
            each.type, each.value.text = TYPE_STRING, value.encode()
        else:
            each.type, each.value.number = TYPE_ULLONG, value
    return found, len(listed)


def _given_cookie(cookie: bytes) -> tuple[bytes, int]:
    assert cookie.endswith(b"\0"), "an empty cookie, or one without its NUL, crashes libvirtd"
    return cookie, len(cookie)
