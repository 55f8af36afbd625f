"""`bridge` by the project's name: `virt_qm.convert` is `bridge.convert`."""

from typing import TYPE_CHECKING, Any

import bridge
from bridge import __all__ as __all__
from bridge import __version__ as __version__

if TYPE_CHECKING:
    from bridge import *  # noqa: F403

__doc__ = bridge.__doc__


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(bridge, name)


def __dir__() -> list[str]:
    return list(__all__)
