"""Adapter files held in memory by what is in them, so that a stack is put together without reading anything twice.

A file is known again by its identity, without being opened; one whose bytes changed is a new adapter. No
array of MLX lives here: reading may go on in another thread than the one that renders.
"""

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.files.beside import located
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.keymaps.names.shapes import Shapes

__all__ = ["ADAPTER_CACHE_BYTES", "AdapterStore"]

ADAPTER_CACHE_BYTES = 2 << 30
"""A dozen adapters of rank 16 on all of FLUX.1-dev, at 172 MB each."""

_Key = tuple[str, int]
"""Content hash, of the config beside it too, and which model's layers it was read for."""


class AdapterStore:
    """Adapters under a byte budget, least recently used out first, never one that is pinned.

    Every method may be called from any thread; a file that one thread is reading is awaited by the others.

    Args:
        roots: Directories adapters may be read from; None allows every place.
        limit: In bytes.
        clock: The time that files are stamped with, in nanoseconds.

    Attributes:
        nbytes: Held now.
        reads: Files opened and read so far.
        hits, misses: Times that an adapter was held when it was asked for, and that it was not.
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
        self._hashes: dict[str, tuple[FileIdentity, str]] = {}
        self._held: OrderedDict[_Key, Adapter] = OrderedDict()
        self._models: list[Mapping[str, tuple[int, int]]] = []
        self._pins: dict[str, int] = {}
        self._reading: dict[tuple[str, int], Future[Adapter]] = {}
        self.nbytes = 0
        self.reads = 0
        self.hits = self.misses = 0

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
        place = located(path, self._roots)
        model = self._model(shapes)
        with self._lock:
            if held := self._known(place, model):
                self.hits += 1
                return _as_named(held, place)
            self.misses += 1
            reading = self._reading.get((str(place), model))
            mine = reading is None
            if reading is None:
                reading = self._reading[str(place), model] = Future()
        if mine:
            self._read(place, shapes, model, reading)
        return _as_named(reading.result(), place)

    def known(self, path: str, shapes: Shapes) -> Adapter | None:
        """What `get` would give without opening a file; None where it would have to. Never waits.

        Raises:
            RefusedFile: The path is not one that may be read.
        """
        place, model = located(path, self._roots), self._model(shapes)
        with self._lock:
            held = self._known(place, model)
        return _as_named(held, place) if held else None

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
        identity, sha256 = self._hashes.get(str(place), (None, ""))
        key = (sha256, model)
        if identity is None or key not in self._held or identity != _seen(place):
            return None
        self._held.move_to_end(key)
        return self._held[key]

    def _read(self, place: Path, shapes: Shapes, model: int, reading: "Future[Adapter]") -> None:
        """Read a file and tell everybody who waits for it."""
        try:
            began = self._clock()
            before = _seen(place)
            adapter = read_adapter(place, shapes, roots=self._roots)
            self._keep(adapter, place, model, before if before == _seen(place) else None, began)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it, and raises it again
            self._forget(place, model)
            reading.set_exception(error)
        else:
            self._forget(place, model)
            reading.set_result(adapter)

    def _forget(self, place: Path, model: int) -> None:
        with self._lock:
            self._reading.pop((str(place), model), None)

    def _keep(self, adapter: Adapter, place: Path, model: int, identity: FileIdentity | None, began_ns: int) -> None:
        with self._lock:
            self.reads += 1
            if identity is not None and identity.is_settled(began_ns):
                self._hashes[str(place)] = identity, adapter.sha256
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
    buffers = {id(owner): owner.nbytes for update in adapter.updates for owner in map(_owner, update.arrays())}
    return sum(buffers.values())


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _seen(place: Path) -> FileIdentity | None:
    """The file's identity; None where there is no file, which reading it will tell better."""
    try:
        return FileIdentity.of_adapter(str(place))
    except OSError:
        return None
