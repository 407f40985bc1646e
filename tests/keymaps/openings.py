"""What someone else does to a file at a chosen moment of its reading, by name."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["after_opening", "before_opening", "before_read"]


@contextmanager
def before_opening(act: Callable[[], object]) -> Iterator[None]:
    """Lets someone else act between the look at the path and the opening of the file itself."""
    opening = os.open

    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if not flags & os.O_DIRECTORY:
            act()
        return opening(path, flags, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opened)
        yield


@contextmanager
def after_opening(act: Callable[[], object]) -> Iterator[None]:
    """Lets someone else act right after the opening of the file itself."""
    opening = os.open

    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        descriptor = opening(path, flags, *rest, **more)
        if not flags & os.O_DIRECTORY:
            act()
        return descriptor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opened)
        yield


@contextmanager
def before_read(number: int, act: Callable[[], object]) -> Iterator[None]:
    """Lets someone else act before one of the reads, counted from 0."""
    reading, count = os.readv, 0

    def counted(descriptor: int, buffers: Sequence[memoryview]) -> int:
        nonlocal count
        if count == number:
            act()
        count += 1
        return reading(descriptor, buffers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "readv", counted)
        yield
