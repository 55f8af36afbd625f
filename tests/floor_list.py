"""The oldest packages that pyproject.toml allows, for pip: `python -m tests.floor_list EXTRA...`."""

from __future__ import annotations

import re
import sys
import tomllib

from tests.corpus import ROOT


def floors(*extras: str) -> dict[str, str]:
    """Package -> version; "" for one of an extra that takes any. Raises ValueError for a dependency of ours without a floor."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {}
    for requirement in [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:>=([0-9.]+))?", requirement)
        if match is None or (match[2] is None and requirement in project["dependencies"]):
            raise ValueError(f"{requirement}: say NAME>=VERSION")
        found[match[1]] = match[2] or ""
    return found


if __name__ == "__main__":
    print(*(f"{name}=={version}" if version else name for name, version in floors(*sys.argv[1:]).items()))
