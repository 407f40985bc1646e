"""A family that the product does not know, found as an installed one is."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.engine.families.base import Base, load_base
from kilnmark.keymaps.names import shapes
from kilnmark.protocol.picture.catalog import look_again

INSTALLED = Path(__file__).parents[2] / "acceptance" / "installed"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As long as the test lasts."""
    monkeypatch.syspath_prepend(INSTALLED)
    _look_again()
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "pinhole"]:
        del sys.modules[name]
    monkeypatch.undo()
    _look_again()


def _look_again() -> None:
    """Of the families, and of their layers, which nobody looks for twice in a process."""
    look_again()
    for known in vars(shapes).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()


@pytest.fixture
def pinhole(installed: None) -> Base:
    return load_base("pinhole", None)
