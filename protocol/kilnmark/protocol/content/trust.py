"""What a genre's manifest says of a stack that is shown or planned: what of it is promoted, and whether it must be.

Nothing is painted or refused here; the daemon, which does both, looks at the bytes again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.content.promoted import GenrePromotions, unpromoted
from kilnmark.protocol.picture.block_scales import scale_words

__all__ = ["Trust"]


@dataclass(frozen=True, slots=True)
class Trust:
    """One genre's, for one stack.

    Attributes:
        promotions: What the manifest says; None: it cannot be read.
        is_required: Its pictures get promoted adapters only.
        packs: The folder of packs, no link in its path.
        problems: What is wrong with the manifest.
    """

    promotions: GenrePromotions | None
    is_required: bool
    packs: str
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, load: Callable[[], GenrePromotions], packs: str, *, required: bool) -> Self:
        """As a manifest says that is read now.

        Args:
            load: Reads it; what is wrong with it is told in `problems`.
        """
        try:
            return cls(load(), required, packs)
        except UnusableContent as error:
            return cls(None, required, packs, error.problems)

    def knows(self, sha256: str) -> bool | None:
        """Whether these bytes are promoted; None where there is no manifest, none that can be read, or no hash."""
        if self.promotions is None or not self.promotions.is_there or not sha256:
            return None
        return self.promotions.manifest.adapter_of(sha256) is not None

    def other_scale(self, name: str, scale: float, scales: Mapping[str, float], sha256: str) -> str:
        """What is to be said of an adapter that serves otherwise than it was verified to be promoted.

        Args:
            name: What its document calls it.
            scale: As its document has it.
            scales: For some blocks, likewise.
            sha256: Of its bytes; empty: nobody looked.

        Returns:
            Empty where it serves as it was verified, or nobody knows how that was.
        """
        known = self.promotions.manifest.adapter_of(sha256) if self.promotions is not None and sha256 else None
        verified = known.verification.scale if known is not None else None
        if verified is None or (scale == verified and not scales):
            return ""
        said = f"{name!r} serves at scale {scale_words(scale, scales.items())}, and was verified at {verified:g}"
        mend = (
            "let it serve at that one alone" if scales else "let it serve at that one, or verify it as it serves, and"
        )
        return f"{said}; {mend}{'' if scales else ' promote it again'}"

    def sentences(self, paths: Sequence[str], sha256s: Sequence[str]) -> list[str]:
        """Why each of these is not promoted, and how it would be; empty where it is, or nothing can be said of it."""
        pairs = list(zip(paths, sha256s, strict=True))
        if self.promotions is None or not (self.is_required or self.promotions.is_there):
            return ["" for _ in pairs]
        return [unpromoted([self.promotions], *pair, self.packs) if pair[1] else "" for pair in pairs]
