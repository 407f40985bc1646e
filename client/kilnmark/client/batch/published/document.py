"""What a place of published pictures knows about itself: `manifest.json` there, one entry a picture.

The document alone; who reads and writes it is `publish`'s part.
"""

from importlib.metadata import version
from typing import Literal

import msgspec

from kilnmark.client.batch.picks.said import EntryName
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = ["PublishedAdapter", "PublishedManifest", "PublishedPicture"]


class PublishedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a picture's stack: what its style calls it, the hash of its content, and its scales."""

    name: str
    sha256: str
    scale: float
    scales: dict[str, float] = {}


class PublishedPicture(PictureSpec, frozen=True, kw_only=True):
    """One picture, with everything that decides its pixels.

    Attributes:
        file: Where it lies, from this manifest's folder, with forward slashes.
        sha256: Of its bytes, in hex.
        genre, world, kind, name, tier: Its entry; a world of None is the genre itself.
        adapters: Its stack, in order.
        fingerprint, numerics: Of the base that it was painted on, and what that computed in.
        created: When it was painted: UTC, ISO 8601.
        accepted_by, accepted_at, reason: Who accepted it, when and why; empty where they did not say.
        stale: Why its entry would be painted otherwise now, so that somebody should look at the new picture; empty: it
            would not.
        notice: Set when the picture must not be taken for a real one.
    """

    file: str
    sha256: str
    genre: str
    world: str | None
    kind: Kind
    name: str
    tier: str
    adapters: tuple[PublishedAdapter, ...] = ()
    fingerprint: str = ""
    numerics: Numerics = "exact"
    created: str = ""
    accepted_by: str = ""
    accepted_at: str = ""
    reason: str = ""
    stale: str = ""
    notice: str = ""

    @property
    def entry(self) -> EntryName:
        """What picks know its entry by."""
        return EntryName.of(self.genre, self.world, self.kind, self.name, self.tier)


class PublishedManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is published in one place.

    Attributes:
        document: What this is; a batch's own manifest does not say so.
        pictures: By their files.
    """

    document: Literal["kilnmark published pictures"]
    schema: Literal[1] = 1
    kilnmark_version: str = version("kilnmark")
    pictures: list[PublishedPicture] = []
