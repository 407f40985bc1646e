"""The variants a daemon can serve, with what each sets when a request is silent, and the priorities of requests."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

__all__ = ["MAX_PIXELS", "PRIORITIES", "STANDIN", "VARIANTS", "Numbers", "Priority", "Variant"]

STANDIN = "standin"
"""The variant that needs no weights."""

Priority = Literal["high", "normal", "low"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the first served to the last."""

MAX_PIXELS = 2048 * 2048
"""The largest picture accepted, in pixels: the four megapixels FLUX.1 can still draw coherently."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """How many numbers a base holds, which is what its memory is made of.

    Attributes:
        matrices: In layers that quantizing packs: linear layers and embeddings.
        others: In all others.
    """

    matrices: int
    others: int

    def nbytes(self, quantize: int | None, number_bytes: int) -> int:
        """The memory they take, in bytes.

        Args:
            quantize: Bits a number of a packed matrix; None packs none.
            number_bytes: Of a number that is not packed, in bytes.
        """
        if quantize is None:
            return (self.matrices + self.others) * number_bytes
        groups = self.matrices // _GROUP
        return self.matrices * quantize // 8 + (2 * groups + self.others) * number_bytes


_GROUP = 64
"""Numbers of a packed matrix that share a scale and an offset: the default of mflux and MLX."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A base the daemon knows by name, and the picture it makes when neither request nor tier says otherwise.

    Attributes:
        width, height: Pixels, multiples of 16.
        steps: Denoise steps.
        guidance: Distilled guidance; `guided` tells whether the base has the embedder that reads it.
        numbers: What it holds: transformer, both text encoders and the VAE's decoder, counted in the classes that mflux
            0.24 builds for it.
    """

    name: str
    width: int
    height: int
    steps: int
    guidance: float
    guided: bool = True
    numbers: Numbers


_DEV = Numbers(matrices=16_784_467_712, others=51_904_323)
_SCHNELL = Numbers(matrices=16_774_244_096, others=51_898_179)
_THIN = Numbers(matrices=0, others=35_130_947)

VARIANTS: Mapping[str, Variant] = {
    v.name: v
    for v in (
        Variant(name=STANDIN, width=128, height=128, steps=2, guidance=3.5, numbers=_THIN),
        Variant(name="dev", width=1024, height=1024, steps=12, guidance=3.5, numbers=_DEV),
        Variant(name="krea-dev", width=1024, height=1024, steps=12, guidance=4.5, numbers=_DEV),
        Variant(name="schnell", width=1024, height=1024, steps=4, guidance=0.0, guided=False, numbers=_SCHNELL),
    )
}
