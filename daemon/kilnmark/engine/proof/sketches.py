"""What an adapter changes on each layer, seen from random directions on either side: two such sketches tell how far two
adapters push the same way, within an error that is known.

Directions are the same for all adapters on a layer, and after every start; every layer has its own. Nothing is compared
here.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.directions import Directions
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["FEWER", "NUMBERS", "SIDE", "SKETCH_BYTES", "TIMES", "VIEWS", "Sketch", "Sketches"]

SIDE = 16
"""Directions on either side at a time."""

TIMES = 2
"""That a view is made of, each with other directions."""

VIEWS = 8
"""Of a change, each by other directions: what they disagree by tells the error."""

FEWER = 2
"""Of a change that is no pair of matrices: every direction goes through all of its numbers, or of the base's own."""

NUMBERS = VIEWS * TIMES * SIDE**2
"""Of a layer's sketch: the variance of a cosine is one by these, where two changes have no direction in common."""

WIDTH = 768
"""Rows of signs that are different; larger layers fold to so many."""

SKETCH_BYTES = 256 << 20
"""Of all sketches that are kept: 32 of adapters on every layer of FLUX.1, at 8 MB each."""

_SEED = 20_261_127
_PLACES = 1 << 16
"""Where, by its name, the signs of a layer's own rows and columns can begin."""


class Sketch(NamedTuple):
    """Of one adapter at scale 1.

    Attributes:
        places: `(layers,)`, ascending: of the layers that it changes, in the order of all layers.
        views: `(layers, 8, 512)` float32, in norms of the change: each is about 1 long. Zeros for no change, and where
            float32 has no numbers for it.
        counts: `(layers,)`: how many of the views there are.
    """

    places: NDArray[np.intp]
    views: NDArray[np.float32]
    counts: NDArray[np.intp]


class Sketches:
    """Made on one base, and kept by content.

    Args:
        slots: The base's layers, in the order of all layers.

    Attributes:
        made: So far.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = list(slots.values())
        self._kept: LRUCache[str, Sketch] = LRUCache(SKETCH_BYTES, getsizeof=lambda sketch: sketch.views.nbytes)
        self._signs, self._fewer, self._flips = _usual_signs()
        self.made = 0

    def of(self, measured: Measured) -> Sketch:
        """Of one adapter; kept unless it is larger than all that may be."""
        sha256 = measured.adapter.sha256
        if (known := self._kept.get(sha256)) is not None:
            return known
        sketch = self._made(measured)
        if sketch.views.nbytes <= SKETCH_BYTES:
            self._kept[sha256] = sketch
        return sketch

    def _made(self, measured: Measured) -> Sketch:
        order = np.argsort(measured.places)
        views = np.zeros((len(order), VIEWS, TIMES * SIDE * SIDE), dtype=np.float32)
        counts = np.full(len(order), VIEWS)
        for row, at in enumerate(order.tolist()):
            norm, update, slot = measured.norms[at], measured.adapter.updates[at], self._slots[measured.places[at]]
            if norm:
                counts[row] = VIEWS if update.is_light else FEWER
                rows, columns = self.directions(slot, counts[row])
                with np.errstate(over="ignore", invalid="ignore"):
                    seen = update.change_on(slot.numbers).views(slot.numbers, rows, columns) / (norm * TIMES**0.5)
                if np.isfinite(seen).all():
                    views[row, : counts[row]] = seen.reshape(counts[row], -1)
        self.made += 1
        return Sketch(measured.places[order], views, counts)

    def directions(self, slot: Slot, views: int) -> tuple[Directions, Directions]:
        """Of a layer's rows and of its columns, for all views or for a few."""
        height, width = slot.shape
        begin = _place(slot.path)
        if begin + height + width > len(self._flips):
            self._flips = _signs(begin + height + width)
        flips = self._flips[begin : begin + height + width]
        signs = self._signs if views == VIEWS else self._fewer
        return Directions(flips[:height], signs), Directions(flips[height:], signs)


@cache
def _usual_signs() -> tuple[Matrix, Matrix, Matrix]:
    """Those of all views, of a few, and the flips of layers of the usual sizes: the same for all bases of a process."""
    signs = _signs(WIDTH * VIEWS * TIMES * SIDE).reshape(WIDTH, VIEWS * TIMES, SIDE) / np.float32(SIDE**0.5)
    return signs, np.ascontiguousarray(signs[:, : FEWER * TIMES]), _signs(2 * _PLACES)


def _signs(count: int) -> Matrix:
    """At least so many: the first ones are the same however many there are."""
    words = np.random.PCG64(_SEED).random_raw(-(-count // 64)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8))
    return np.where(bits, np.float32(1), np.float32(-1))


def _place(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") % _PLACES
