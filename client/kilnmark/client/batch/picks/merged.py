"""Two copies of what people decided, made one without loss: commutative, associative, idempotent.

Each register keeps what was said last; what is equally late is ordered by what it says, so that everybody who merges
the same copies, in whatever order, comes to the same. Nothing is read or written here.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

from kilnmark.client.batch.picks.said import EntryPick, PickedPicture, Picks, PinnedSeeds, Said

__all__ = ["merged", "merged_picks"]

_T = TypeVar("_T")
_K = TypeVar("_K")


def merged(one: Picks, other: Picks) -> Picks:
    """Everything that either of two copies knows."""
    return merged_picks([*one.entries, *other.entries])


def merged_picks(picks: Iterable[EntryPick]) -> Picks:
    """The same of picks that may be of one entry."""
    return Picks.of(_by_key(picks, lambda each: each.entry, _merged_entry))


def _merged_entry(one: EntryPick, other: EntryPick) -> EntryPick:
    pictures = _by_key([*one.pictures, *other.pictures], lambda each: each.sha256, _merged_picture)
    return EntryPick(
        entry=one.entry,
        seeds=_later(one.seeds, other.seeds),
        pictures=tuple(sorted(pictures, key=lambda each: each.sha256)),
        rolls=max(one.rolls, other.rolls),
    )


def _merged_picture(one: PickedPicture, other: PickedPicture) -> PickedPicture:
    """Facts of the same bytes are the same, unless one copy knows less, or files were renamed."""
    known = max(one, other, key=lambda each: (-1 if each.seed is None else each.seed, each.inputs, each.file))
    said = _by_key([*one.said, *other.said], lambda each: each.by, _last)
    return PickedPicture(
        sha256=one.sha256,
        seed=known.seed,
        inputs=known.inputs,
        file=known.file,
        said=tuple(sorted(said, key=lambda each: each.by)),
    )


def _later(one: PinnedSeeds | None, other: PinnedSeeds | None) -> PinnedSeeds | None:
    return max((each for each in (one, other) if each is not None), key=lambda each: each.order, default=None)


def _last(one: Said, other: Said) -> Said:
    return max(one, other, key=lambda each: each.order)


def _by_key(each: Iterable[_T], key: Callable[[_T], _K], joined: Callable[[_T, _T], _T]) -> Iterable[_T]:
    """One for each key, even of those that stood alone, so that all come out in one shape."""
    found: dict[_K, list[_T]] = {}
    for one in each:
        found.setdefault(key(one), []).append(one)
    return [reduce(joined, [*ones, ones[0]]) for ones in found.values()]
