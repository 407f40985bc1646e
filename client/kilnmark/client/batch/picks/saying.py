"""One more decision: how what was decided about an entry changes when somebody says something.

Pure: an entry's pick in, another out. Time is given, and never runs backwards for an entry: what is said after
something was seen counts after it, whatever the clocks of two machines say.
"""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from kilnmark.client.batch.picks.merged import merged_picks
from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, PickWord, PinnedSeeds, Said
from kilnmark.protocol.printable import encodable

__all__ = ["LONGEST", "SEED_END", "moment_now", "pinned", "rolled", "said_of", "taken_back", "unpinned"]

LONGEST = 2000
"""Characters of a name or a reason; what is longer is cut."""

SEED_END = 2**32
"""Seeds that are drawn lie below it, as those that are computed do."""


def moment_now() -> str:
    """Now, as `at` has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def said_of(pick: EntryPick, picture: PickedPicture, word: PickWord, *, by: str, reason: str, now: str) -> EntryPick:
    """With one person's word about one picture.

    Args:
        picture: What is known of it; what was said of it before stays.
        now: As `moment_now` has it.
    """
    word_said = Said(word=word, by=encodable(by)[:LONGEST], at=_after(pick, now), reason=encodable(reason)[:LONGEST])
    fresh = EntryPick(entry=pick.entry, pictures=(msgspec.structs.replace(picture, said=(word_said,)),))
    return merged_picks([pick, fresh]).of_entry(pick.entry)


def pinned(pick: EntryPick, values: Collection[int], *, by: str, now: str) -> EntryPick:
    """With other seeds."""
    seeds = PinnedSeeds(values=tuple(values), by=encodable(by)[:LONGEST], at=_after(pick, now), before=pick.pinned)
    return msgspec.structs.replace(pick, seeds=seeds)


def unpinned(pick: EntryPick, *, by: str, now: str) -> EntryPick:
    """With the seeds that it would have if nobody had ever pinned any."""
    return pinned(pick, (), by=by, now=now)


def rolled(pick: EntryPick, count: int, tried: Collection[int], *, by: str, now: str) -> EntryPick:
    """With so many new seeds, none of which was tried before. The same draw everywhere, so that copies merge.

    Args:
        tried: Every seed that the entry is known to have had, beside those that the pick knows of.
    """
    known = {*tried, *pick.pinned, *(each.seed for each in pick.pictures)}
    values: list[int] = []
    draw = 0
    while len(values) < count:
        draw += 1
        seed = _drawn(pick.entry, pick.rolls + 1, draw)
        if seed not in known:
            known.add(seed)
            values.append(seed)
    return msgspec.structs.replace(pinned(pick, values, by=by, now=now), rolls=pick.rolls + 1)


def taken_back(pick: EntryPick, *, by: str, now: str) -> EntryPick | None:
    """Without the last thing that this person said of it; None where they said nothing that could be taken back.

    A word becomes `open`, whatever somebody else said counts again; seeds become those before them, once.
    """
    words = [
        (each.at, picture, each)
        for picture in pick.pictures
        for each in picture.said
        if each.by == by and each.word is not PickWord.OPEN
    ]
    last = max(words, key=lambda found: found[0], default=None)
    seeds = pick.seeds
    if seeds is not None and seeds.by == by and seeds.before != seeds.values and (not last or seeds.at >= last[0]):
        undone = PinnedSeeds(values=seeds.before, by=encodable(by)[:LONGEST], at=_after(pick, now), before=seeds.before)
        return msgspec.structs.replace(pick, seeds=undone)
    return None if last is None else said_of(pick, last[1], PickWord.OPEN, by=by, reason="", now=now)


def _after(pick: EntryPick, now: str) -> str:
    """Now; a microsecond after the last thing said, where some clock is ahead."""
    if now > pick.last:
        return now
    last = datetime.fromisoformat(pick.last) + timedelta(microseconds=1)
    return last.isoformat(timespec="microseconds")


def _drawn(entry: EntryName, roll: int, draw: int) -> int:
    """The first 4 bytes, big-endian, of a hash over all that names the draw."""
    whole = msgspec.json.encode([*entry.order, "roll", roll, draw])
    return int.from_bytes(hashlib.sha256(whole).digest()[:4], "big")
