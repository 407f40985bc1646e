"""Where pictures come from, as far as the dataset tells: what one photographer or series has too much of is learned.

It is told, first of these that tells anything: by the lines of a list that have a `source`; by the patterns of
`[[dataset.sources]]` in `run.toml`; by the folders below the dataset's; by what stands in names before their numbers.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from kilnmark.lab.dataset.findings import Code, DatasetFinding, found
from kilnmark.lab.dataset.pairing import CaptionedPicture, stem_of
from kilnmark.lab.run.plan import SourcePlan

__all__ = ["SourceShare", "source_findings", "sources_of"]

_NUMBER = re.compile(r"[\s_.()-]*\d+[\s_.()a-z-]*$", re.IGNORECASE)
"""The end of a name that counts: `-012`, `_0007b`, ` (3)`."""

_NAMED = "(others)"


class SourceShare(msgspec.Struct, frozen=True, kw_only=True):
    """One source of a dataset.

    Attributes:
        name: What it is called.
        pictures: How many come from it.
        share: Of all, 0 to 1.
        told_by: What tells of it: `entry`, `pattern`, `folder` or `prefix`.
    """

    name: str
    pictures: int
    share: float
    told_by: str


def sources_of(pictures: Sequence[CaptionedPicture], plan: Sequence[SourcePlan] = ()) -> tuple[SourceShare, ...]:
    """The sources of pictures, the one with most first; none where nothing tells them apart."""
    tellers = (
        ("entry", [picture.source for picture in pictures]),
        ("pattern", [_matched(picture.name, plan) for picture in pictures]),
        ("folder", [picture.name.rpartition("/")[0] for picture in pictures]),
        ("prefix", _prefixes(pictures)),
    )
    for told_by, names in tellers:
        counts = Counter(name or _NAMED for name in names)
        apart = set(counts) - {_NAMED}
        if len(counts) > 1 or (apart and told_by in ("entry", "pattern")):
            return tuple(_shares(counts, told_by))
    return ()


def source_findings(sources: Sequence[SourceShare], most: float) -> Iterator[DatasetFinding]:
    """What is to be said of sources.

    Args:
        sources: Of all pictures.
        most: The largest share that one may have.
    """
    if not sources:
        said = "nothing tells where pictures come from: no folders, no prefixes of names, no `source` entries"
        yield found(Code.SOURCES_UNKNOWN, said)
        return
    largest = sources[0]
    if largest.share > most:
        said = f"{largest.share:.0%} of the pictures come from {largest.name!r} (by {largest.told_by})"
        mend = f"add others, or take some away: above {most:.0%} its own look is learned"
        yield found(Code.ONE_SOURCE, said, mend)


def _shares(counts: Counter[str], told_by: str) -> Iterator[SourceShare]:
    whole = counts.total()
    for name, pictures in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield SourceShare(name=name, pictures=pictures, share=round(pictures / whole, 4), told_by=told_by)


def _matched(name: str, plan: Sequence[SourcePlan]) -> str:
    return next((source.name for source in plan if fnmatchcase(name, source.files)), "")


def _prefixes(pictures: Sequence[CaptionedPicture]) -> list[str]:
    """What stands before the number of each name; nothing for names where nearly each would be a source of its own."""
    prefixes = [_NUMBER.sub("", stem_of(picture.name)) for picture in pictures]
    return prefixes if len(set(prefixes)) <= max(2, len(prefixes) // 2) else [""] * len(prefixes)
