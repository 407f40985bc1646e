"""Stacks on a base that is never modified: build everything beside it, then swap references, or change nothing.

A stack on the base is one wrapper a target; taking it off puts the base's own layers back, the very same objects.
Stacks that were on it before are held ready, so that going back to one is a swap of references.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

import mlx.core as mx
from mlx.utils import tree_flatten

from kilnmark.engine.stack.build import SharedInputs, Wrappers, build_wrappers
from kilnmark.engine.stack.member import Member, MemberKey
from kilnmark.engine.stack.slots import Slot

__all__ = ["STACK_CACHE_BYTES", "Member", "StackKey", "Stacker", "SwitchKind", "encoder_key"]

STACK_CACHE_BYTES = 2 << 30
"""A dozen stacks of total rank 16 on all of FLUX.1-dev, at 172 MB each."""

StackKey = tuple[MemberKey, ...]
"""What tells every adapter, in stack order."""

SwitchKind = Literal["same", "flipped", "cached", "cold"]
"""It is on; it was on before the one that is on; it is held ready; it has to be built."""

EncoderKey = tuple[tuple[str, tuple[float, ...]], ...]
"""What tells what each makes of text encoders, in stack order."""


class _Held(NamedTuple):
    """A stack that is held ready.

    Attributes:
        wrappers: It; their arrays stay the same as long as it is held.
        sizes: Of those arrays, each by its identity, in bytes.
    """

    wrappers: Wrappers
    sizes: Mapping[int, int]


class Stacker:
    """Puts stacks on one base.

    Args:
        slots: The base's layers, found while no stack was on it.
        limit: Stacks to hold ready, in bytes; the one that is on the base is held whatever its size.
        shared: As in `build_wrappers`.

    Attributes:
        limit: As given; it counts from the next stack on that is built.
        builds: Stacks built so far.
        hits: Times that one was wanted that was held ready.
        switches: Times that another stack was put on the base, or the last one taken off.
    """

    def __init__(
        self, slots: Mapping[str, Slot], limit: int = STACK_CACHE_BYTES, shared: SharedInputs | None = None
    ) -> None:
        self._slots = slots
        self._shared = shared
        self.limit = limit
        self._on: Wrappers = {}
        self._key: StackKey = ()
        self._encoder_key: EncoderKey = ()
        self._held: OrderedDict[StackKey, _Held] = OrderedDict()
        self.builds = self.hits = 0
        self.switches = 0
        self._key_before: StackKey = ()

    @property
    def key(self) -> StackKey:
        """Of the stack now on the base."""
        return self._key

    @property
    def encoder_key(self) -> EncoderKey:
        """The same for those of its adapters that change a text encoder: what an encoded prompt depends on."""
        return self._encoder_key

    @property
    def nbytes(self) -> int:
        """Memory of all stacks that are held, in bytes; an array that two of them share counts once."""
        sizes: dict[int, int] = {}
        for held in self._held.values():
            sizes.update(held.sizes)
        return sum(sizes.values())

    def is_ready(self, members: Sequence[Member]) -> bool:
        """Putting this stack on is a swap of references."""
        key = _key(members)
        return key in (self._key, ()) or key in self._held

    def kind_of(self, members: Sequence[Member]) -> SwitchKind:
        """How putting this stack on would come."""
        key = _key(members)
        if key == self._key:
            return "same"
        if not self.is_ready(members):
            return "cold"
        return "flipped" if key == self._key_before and self.switches else "cached"

    def switch(self, members: Sequence[Member]) -> None:
        """Put this stack on the base in place of the one that is on it; an empty one restores the base bit for bit.

        The same stack again does nothing; one that is held ready is not built again. Whatever goes wrong while a new
        stack is built leaves the old one on.
        """
        key = _key(members)
        if key == self._key:
            return
        before = self._key
        self._put(self._ready(key, members), key, encoder_key(members))
        self._key_before = before
        self.switches += 1

    def clear(self) -> None:
        """Restore the base, and hold no stack ready any more."""
        self.switch([])
        self._held.clear()

    def forget(self, members: Sequence[Member]) -> None:
        """Hold a stack ready no longer, if it is and is not on the base."""
        if (key := _key(members)) != self._key:
            self._held.pop(key, None)

    @contextmanager
    def aside(self, members: Sequence[Member], *, hold: bool = True) -> Iterator[None]:
        """Have another stack on the base for a moment, and then the present one again; no switch is counted.

        Args:
            members: That stack.
            hold: It is held ready afterwards.
        """
        before, switches, key_before = (self._on, self._key, self._encoder_key), self.switches, self._key_before
        try:
            self.switch(members)
            yield
        finally:
            self._put(*before)
            self.switches, self._key_before = switches, key_before
            if not hold:
                self._held.pop(_key(members), None)

    def _put(self, wrappers: Wrappers, key: StackKey, encoder_key: EncoderKey) -> None:
        for path in self._on.keys() - wrappers.keys():
            self._slots[path].put(self._slots[path].linear)
        for path, wrapper in wrappers.items():
            self._slots[path].put(wrapper)
        self._on, self._key, self._encoder_key = wrappers, key, encoder_key

    def _ready(self, key: StackKey, members: Sequence[Member]) -> Wrappers:
        if not key:
            return {}
        if key in self._held:
            self.hits += 1
        else:
            self._held[key] = _held(build_wrappers(self._slots, members, self._alike(key), self._shared))
            self.builds += 1
            self._shrink(key)
        self._held.move_to_end(key)
        return self._held[key].wrappers

    def _alike(self, key: StackKey) -> Wrappers | None:
        """The same adapters in the same order at other scales, if they are held."""
        hashes = [sha256 for sha256, *_ in key]
        alike = (held for other, held in reversed(self._held.items()) if [sha for sha, *_ in other] == hashes)
        return next((held.wrappers for held in alike), None)

    def _shrink(self, newest: StackKey) -> None:
        for key in list(self._held):
            if self.nbytes <= self.limit:
                return
            if key not in (newest, self._key):
                del self._held[key]


def _key(members: Sequence[Member]) -> StackKey:
    return tuple(member.key for member in members)


def encoder_key(members: Sequence[Member]) -> EncoderKey:
    """`Stacker.encoder_key` with this stack on."""
    return tuple(key for member in members if (key := member.on_encoders) is not None)


def _held(wrappers: Wrappers) -> _Held:
    found: dict[str, mx.array] = {}
    tree_flatten([wrapper.added() for wrapper in wrappers.values()], destination=found)
    return _Held(wrappers, {id(array): array.nbytes for array in found.values()})
