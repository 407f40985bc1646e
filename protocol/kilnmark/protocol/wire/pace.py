"""How long a worker's steps take, as it was measured while it painted. A result only; nothing here is a parameter."""

import msgspec

__all__ = ["PaceInfo"]


class PaceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures of one size on one base.

    Attributes:
        variant: The base.
        width, height: Pixels.
        step_ms: Of one denoise step, the median, in milliseconds.
        decode_ms: From latents to pixels, alike; None: that has not been measured.
    """

    variant: str
    width: int
    height: int
    step_ms: float
    decode_ms: float | None = None
