"""Adapter files held in memory by what is in them, so that a stack is put together without reading anything twice.

A file is known again by its place and its stamps, without being opened; one whose bytes changed is a new adapter. No
array of MLX lives here: reading may go on in another thread than the one that renders.
"""

import dataclasses
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.roots import locate
from kilnmark.keymaps.shapes import Shapes

__all__ = ["ADAPTER_CACHE_BYTES", "AdapterStore"]

ADAPTER_CACHE_BYTES = 2 << 30
"""A dozen adapters of rank 16 on all of FLUX.1-dev, at 172 MB each."""

FRESH_NS = 50_000_000
"""Age in nanoseconds below which a file's stamps are not trusted: a second write in the same tick of the file system's
clock (4 ms or finer on ext4, XFS and APFS) would leave them as they are."""
COARSE_FRESH_NS = 2_000_000_000
"""The same for file systems that stamp whole seconds, or every other one."""
_SECOND_NS = 1_000_000_000


class _Stamps(NamedTuple):
    """What a file looks like from outside. A change of its bytes changes one of these."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> "_Stamps":
        found = os.lstat(path)
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def settled(self, now_ns: int) -> bool:
        """Old enough at `now_ns` that a later change must show."""
        coarse = self.mtime_ns % _SECOND_NS == 0
        return now_ns - max(self.mtime_ns, self.ctime_ns) > (COARSE_FRESH_NS if coarse else FRESH_NS)


_Key = tuple[str, int]
"""Content hash, and which model's layers it was read for."""


class AdapterStore:
    """Adapters under a byte budget, least recently used out first, never one that is pinned.

    Every method may be called from any thread; a file that one thread is reading is awaited by the others.

    Args:
        roots: Directories adapters may be read from; None allows every place.
        limit: In bytes.
        clock: The time of the file system's stamps, in nanoseconds.

    Attributes:
        nbytes: Held now.
        reads: Files opened and read so far.
    """

    def __init__(
        self,
        roots: Sequence[Path] | None,
        limit: int = ADAPTER_CACHE_BYTES,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._roots = roots
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._hashes: dict[str, tuple[_Stamps, str]] = {}
        self._held: OrderedDict[_Key, Adapter] = OrderedDict()
        self._models: list[Mapping[str, tuple[int, int]]] = []
        self._pins: dict[str, int] = {}
        self._reading: dict[tuple[str, int], Future[Adapter]] = {}
        self.nbytes = 0
        self.reads = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, path: str, shapes: Shapes) -> Adapter:
        """An adapter as it is on disk now. A file that looks as it did when it was read is not opened.

        Args:
            path: Absolute, or relative to one of the roots.
            shapes: The model's layers.

        Raises:
            RefusedFile: As `read_adapter` does; nothing is remembered of such a file.
        """
        place = locate(path, self._roots)
        model = self._model(shapes)
        with self._lock:
            if held := self._known(place, model):
                return _as_named(held, place)
            reading = self._reading.get((str(place), model))
            mine = reading is None
            if reading is None:
                reading = self._reading[str(place), model] = Future()
        if mine:
            self._read(place, shapes, model, reading)
        return _as_named(reading.result(), place)

    @contextmanager
    def pinned(self, adapters: Sequence[Adapter]) -> Iterator[None]:
        """These stay while the context is open, whatever the budget says."""
        hashes = [adapter.sha256 for adapter in adapters]
        with self._lock:
            for sha256 in hashes:
                self._pins[sha256] = self._pins.get(sha256, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                for sha256 in hashes:
                    self._pins[sha256] -= 1
                    if not self._pins[sha256]:
                        del self._pins[sha256]
                self._shrink()

    def _model(self, shapes: Shapes) -> int:
        with self._lock:
            for number, known in enumerate(self._models):
                if known is shapes or known == shapes:
                    return number
            self._models.append(shapes)
            return len(self._models) - 1

    def _known(self, place: Path, model: int) -> Adapter | None:
        """What is held of this file, if it looks as it did."""
        stamps, sha256 = self._hashes.get(str(place), (None, ""))
        key = (sha256, model)
        if stamps is None or key not in self._held or stamps != _Stamps.of(place):
            return None
        self._held.move_to_end(key)
        return self._held[key]

    def _read(self, place: Path, shapes: Shapes, model: int, reading: "Future[Adapter]") -> None:
        """Read a file and tell everybody who waits for it."""
        try:
            began = self._clock()
            before = _Stamps.of(place)
            adapter = read_adapter(place, shapes, roots=self._roots)
            self._keep(adapter, place, model, before if before == _Stamps.of(place) else None, began)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it, and raises it again
            self._forget(place, model)
            reading.set_exception(error)
        else:
            self._forget(place, model)
            reading.set_result(adapter)

    def _forget(self, place: Path, model: int) -> None:
        with self._lock:
            self._reading.pop((str(place), model), None)

    def _keep(self, adapter: Adapter, place: Path, model: int, stamps: _Stamps | None, began_ns: int) -> None:
        with self._lock:
            self.reads += 1
            if stamps is not None and stamps.settled(began_ns):
                self._hashes[str(place)] = stamps, adapter.sha256
            key = (adapter.sha256, model)
            if key not in self._held:
                self._held[key] = adapter
                self.nbytes += _nbytes(adapter)
            self._held.move_to_end(key)
            self._shrink()

    def _shrink(self) -> None:
        for key in list(self._held):
            if self.nbytes <= self._limit:
                return
            if key[0] not in self._pins and key != next(reversed(self._held)):
                self.nbytes -= _nbytes(self._held.pop(key))


def _as_named(adapter: Adapter, place: Path) -> Adapter:
    """The same content under the name it was asked for by."""
    if adapter.path == str(place):
        return adapter
    return dataclasses.replace(adapter, path=str(place), name=PurePath(place).stem)


def _nbytes(adapter: Adapter) -> int:
    """Memory that the updates keep alive: arrays that share a buffer, such as one file's, count once."""
    buffers = {id(owner): owner.nbytes for update in adapter.updates for owner in map(_owner, _arrays(update))}
    return sum(buffers.values())


def _arrays(update: object) -> Iterator[NDArray[Any]]:
    for field in dataclasses.fields(update):  # type: ignore[arg-type]  # every update is a dataclass
        value = getattr(update, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, np.ndarray):
                yield each


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
