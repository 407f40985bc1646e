"""For which sizes of pictures the bases are to be warm: what was painted most first, then what nobody painted yet.

What was painted is counted as long as the daemon lives, so that a worker that is lost does not take it along.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from kilnmark.daemon.asked.served import Served
from kilnmark.keymaps.files.weights import WeightsProblem
from kilnmark.protocol.content.tiers import Tier, load_tiers
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["WarmSizes", "WishedTier"]

WishedTier = tuple[str, Tier]
"""The variant that somebody asks for, by style or tier, and the tier."""


class WarmSizes:
    """The sizes of one daemon.

    Args:
        served: Its bases.
        of_packs: Asked for the tiers that its packs have.
    """

    def __init__(self, served: Served, of_packs: Callable[[], Awaitable[Iterable[WishedTier]]]) -> None:
        self._served = served
        self._of_packs = of_packs
        self._painted: Counter[tuple[str, PictureSize]] = Counter()

    def count(self, job: RenderCommand) -> None:
        """A picture is being painted."""
        self._painted[job.variant, PictureSize(job.width, job.height)] += 1

    async def all(self) -> dict[str, list[PictureSize]]:
        """Those of every base that may be held, most used first."""
        tiers = [*((tier.variant, tier) for tier in load_tiers().values()), *await self._of_packs()]
        return {variant: self._of(variant, tiers) for variant in self._served.places}

    def _of(self, variant: str, tiers: Iterable[WishedTier]) -> list[PictureSize]:
        """Of sizes that were painted as often the variant's own goes first, then the one that most tiers have."""
        try:
            row = self._served.row_of(variant)
        except WeightsProblem:
            return []  # it cannot be held either, and whoever asks for it hears why
        own = PictureSize(row.width, row.height)
        named: Counter[PictureSize] = Counter()
        for wished, tier in tiers:
            if (wished if wished in self._served.places else self._served.default) == variant:
                named[PictureSize(tier.width, tier.height)] += 1
        painted = [size for name, size in self._painted if name == variant]
        sizes = dict.fromkeys([own, *named, *painted])
        return sorted(sizes, key=lambda size: (-self._painted[variant, size], size != own, -named[size]))
