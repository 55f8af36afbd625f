"""`bridge.testing` by the project's name."""

from bridge.testing import *  # noqa: F403
