"""Which seeds the pictures of an entry have: those that somebody chose for it, else what its name gives.

Numbers alone. Who chose them, and where that is written, is known elsewhere.
"""

import hashlib
import unicodedata
from collections.abc import Sequence

from kilnmark.client.batch.picks.said import EntryPick
from kilnmark.client.batch.plan.subjects import Subject
from kilnmark.protocol.content.composed import ComposedStyle

__all__ = ["SEED_LIMIT", "seed_of", "seeds_for"]

SEED_LIMIT = 2**32
"""Seeds that are computed lie below it: within the wire's own bound, and what other tools that read a picture's seed
can hold."""


def seeds_for(subject: Subject, style: ComposedStyle, takes: int, pick: EntryPick) -> Sequence[int]:
    """The seeds of an entry's pictures, one a picture: those pinned for it, else its own, else one for each take.

    Args:
        subject: The entry.
        style: What its genre, world and tier come to.
        pick: What was decided about it.
        takes: Pictures of an entry that names no seeds.
    """
    if pick.pinned:
        return pick.pinned
    if subject.fields.seed:
        return subject.fields.seed
    place = (subject.genre, subject.world, subject.name, style.tier.name)
    return [seed_of(*place, base_seed=style.fields.base_seed, take=take) for take in range(1, takes + 1)]


def seed_of(genre: str, world: str | None, name: str, tier: str, *, base_seed: int | None = None, take: int = 1) -> int:
    """The first 4 bytes, big-endian, of the SHA-256 of `genre:world:name:tier`, with `base_seed` and `take` behind it.

    Args:
        genre, world, name, tier: In Unicode's NFC, so that the seed does not depend on how a file spells an accent; a
            world of None is empty.
        base_seed: Of the style; None counts as 0.
        take: Which of several seeds of the same picture, counted from 1.
    """
    identity = unicodedata.normalize("NFC", f"{genre}:{world or ''}:{name}:{tier}")
    digest = hashlib.sha256(f"{identity}#{base_seed or 0}#{take}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
