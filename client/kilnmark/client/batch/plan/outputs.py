"""Where each picture of a batch lies: paths that every file system takes, and that no name in a YAML file can lead out.

    OUT/<genre>/<world>/<kind>/<slug>.png          of the genre itself: OUT/<genre>/_genre/<kind>/<slug>.png
    .../<slug>@<tier>.png                          painted at another tier than its kind's own
    .../<slug>.s2.png                              with the second of several seeds
    .../<slug>.draft.png                           a draft, which is no picture to be used
    .../<slug>.base.png                            without adapters
    OUT/_starts/<hash>.<kind>                      a copy of what some start from
    OUT/_references/<hash>.<kind>                  the same of what some refer to

Paths only; nothing is opened or made.
"""

import hashlib
import re
import unicodedata

from kilnmark.client.batch.plan.subjects import Kind

__all__ = ["OWN_TIERS", "REFERENCES", "STARTS", "Outputs", "bare_of", "copy_place", "draft_of", "slug"]

OWN_TIERS: dict[Kind, str] = {"poi": "landscape", "portrait": "portrait", "creature": "creature"}
"""The tier that each kind of picture is painted at."""

_GENRE_ITSELF = "_genre"
STARTS, REFERENCES = "_starts", "_references"
_LONGEST = 100
"""Bytes of a slug: names of files may have 255, and something is put behind a slug."""


def slug(name: str) -> str:
    """Letters and digits of a name, in lower case, with single hyphens between them.

    Accents that can be taken off are; letters of other scripts stay. A name without any is told by its hash. What
    comes out never begins with a dot, a hyphen or an underscore, and holds no dot, slash or white space.
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", bare)).strip("-")
    short = words.encode()[:_LONGEST].decode(errors="ignore").rstrip("-")
    return short or f"nameless-{_mark(name)}"


def bare_of(output: str) -> str:
    """Where the same picture without adapters lies."""
    return f"{output.removesuffix('.png')}.base.png"


def draft_of(output: str) -> str:
    """Where the draft of a picture lies."""
    return f"{output.removesuffix('.png')}.draft.png"


def copy_place(folder: str, path: str, sha256: str) -> str:
    """Where the copy of a picture lies that others are made of: one place for all of the same content.

    Args:
        folder: `STARTS` or `REFERENCES`.
        path: Of the picture.
        sha256: Of its content, in hex.
    """
    ending = re.search(r"\.[A-Za-z0-9]{1,5}\Z", path)
    return f"{folder}/{sha256[:32]}{ending[0].lower() if ending else ''}"


class Outputs:
    """Gives out the places of one batch, each once.

    Two names can have one slug; the second in the order of the sources gets a piece of its own name's hash behind it.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def place(self, genre: str, world: str | None, kind: Kind, name: str, tier: str) -> str:
        """The place of a picture's first take, from the batch's folder, with forward slashes and without `.png`."""
        folder = f"{slug(genre)}/{_GENRE_ITSELF if world is None else slug(world)}/{kind}"
        behind = "" if tier == OWN_TIERS[kind] else f"@{slug(tier)}"
        place = f"{folder}/{slug(name)}"
        owner = f"{genre}:{world or ''}:{name}"
        if self._owners.setdefault(place, owner) != owner:
            place = f"{place}-{_mark(owner)}"
        return f"{place}{behind}"

    @staticmethod
    def take(place: str, take: int) -> str:
        """The file of one take, counted from 1."""
        return f"{place}.png" if take == 1 else f"{place}.s{take}.png"


def _mark(text: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest()[:8]
