"""How it is loaded and paints: as a Pinhole, in milliseconds, but that it waits where a file says so."""

import os
import select
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx

from kilnmark.engine.families.family import Encoded, Origin, Watcher
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics
from kilnmark.protocol.picture.spec import PictureSpec
from tests.acceptance.installed.pinhole.engine import Pinhole

HELD = Path(os.environ["SHUTTER_HELD"])
"""The folder in which a file of the name of a point holds it there."""


def _wait(point: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    while (HELD / point).exists():
        meanwhile()
        select.select([], [], [], 0.005)


class _HeldWatcher:
    """Tells another of everything, and waits after each step that is held; it hears of a cancellation there.

    Where it hangs it hears and tells of nothing.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.denoised = watcher.denoised

    def stepped(self, done: int) -> None:
        self._watcher.stepped(done)
        _wait(f"step {done}", lambda: self._watcher.stepped(done))
        _wait(f"hang {done}")


class Shutter(Pinhole):
    """A Pinhole whose steps can be held."""

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        return super().generate(spec, encoded, _HeldWatcher(watcher))


def load(origin: Origin, quantize: int | None, _numerics: Numerics, _compiling: AskedCompiling) -> Shutter:
    """As `kilnmark.engine.families.family.Load` says."""
    assert quantize is None
    _wait("load")
    return Shutter(origin)
