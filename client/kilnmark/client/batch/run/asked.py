"""What batches were asked for in a folder, so that one of its pictures can be asked for again in the same way.

Plain facts, kept in the manifest. Nothing here plans or paints.
"""

import shlex
from collections.abc import Iterator, Sequence

import msgspec

from kilnmark.client.batch.plan.outputs import OWN_TIERS
from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.run.picture import Picture

__all__ = ["AskedBatch", "asked_for", "with_asked"]

_KEPT = 32
"""Batches that a folder remembers."""


class AskedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch as it was asked for, without what chose among its entries.

    Attributes:
        packs: Absolute path of the folder of packs.
        tier: Instead of the kind's own; None: that.
        steps: Denoise steps instead of the tier's; None: those.
        takes: Pictures of each entry.
        lora_roots: Further folders that adapters may lie in.
        compare_base: Whether each was painted without its adapters, too.
        draft: Whether drafts were asked for; None: as the daemon has it.
    """

    kind: Kind
    packs: str
    tier: str | None = None
    steps: int | None = None
    takes: int = 1
    lora_roots: tuple[str, ...] = ()
    compare_base: bool = False
    draft: bool | None = None

    @classmethod
    def of(cls, wishes: Wishes, *, compare_base: bool) -> "AskedBatch":
        """Of one that is asked for now."""
        return cls(
            kind=wishes.kind,
            packs=str(wishes.packs.absolute()),
            tier=wishes.tier,
            steps=wishes.steps,
            takes=wishes.takes,
            lora_roots=tuple(str(root.absolute()) for root in wishes.lora_roots),
            compare_base=compare_base,
            draft=wishes.draft,
        )

    def command(self, picture: Picture, out: str) -> str:
        """The command that asks for one picture's entry again, to be typed into a shell; more options may follow it.

        Args:
            picture: Which.
            out: The folder of pictures.
        """
        return shlex.join(["kilnmark", "batch", self.kind, *self._options(picture), "--out", out])

    def _options(self, picture: Picture) -> Iterator[str]:
        yield from ("--packs", self.packs, "--genre", picture.genre)
        if picture.world is not None:
            yield from ("--world", picture.world)
        if self.tier is not None:
            yield from ("--tier", self.tier)
        if self.steps is not None:
            yield from ("--steps", str(self.steps))
        if self.takes > 1:
            yield from ("--seeds", str(self.takes))
        for root in self.lora_roots:
            yield from ("--lora-root", root)
        if self.compare_base:
            yield "--compare-base"
        if self.draft is not None:
            yield "--draft" if self.draft else "--no-draft"
        yield from ("--only", picture.name)


def with_asked(known: Sequence[AskedBatch], asked: AskedBatch) -> list[AskedBatch]:
    """What is known with one more, the last of each folder of packs, kind and tier, the latest first."""
    others = [each for each in known if _series(each) != _series(asked)]
    return [asked, *others][:_KEPT]


def _series(asked: AskedBatch) -> tuple[str, Kind, str | None]:
    return asked.packs, asked.kind, asked.tier


def asked_for(known: Sequence[AskedBatch], picture: Picture) -> list[AskedBatch]:
    """Those that a picture may come from, the likeliest first; none in a folder that is older than this."""
    of_kind = [each for each in known if each.kind == picture.kind]
    return sorted(of_kind, key=lambda each: (each.tier or OWN_TIERS[each.kind]) != picture.tier)
