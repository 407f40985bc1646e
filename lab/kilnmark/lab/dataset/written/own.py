"""A run's own entries in the file of choices that is written for a trainer."""

from collections.abc import Mapping
from typing import Any

__all__ = ["with_own"]


def with_own(written: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are written, with a run's own over them; within sections, too. Lists are taken whole."""
    merged = dict(written)
    for name, value in own.items():
        before = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = with_own(before, value)
        else:
            merged[name] = value
    return merged
