"""The seed of a picture, from what it is a picture of: the same on every machine, in every version of Python.

Nothing is drawn here and nothing remembered; who wants another picture asks for another take.
"""

import hashlib
import unicodedata

__all__ = ["SEED_LIMIT", "seed_of"]

SEED_LIMIT = 2**32
"""Seeds lie below it: within the wire's own bound, and what other tools that read a picture's seed can hold."""


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
