"""A render as somebody who watches sees it: when, what of, how long each part took, and what each adapter did."""

import msgspec

__all__ = ["PARTS", "SeenAdapter", "SeenRender"]

PARTS = ("queue", "load", "adapters", "encode", "denoise", "decode", "save")
"""Where the time of a render goes, in order."""


class SeenAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a render.

    Attributes:
        name: Its own.
        matched, total: Keys of its file that belong to a layer, and all of them; 0 of 0 where that was not found out.
        verdict: `engaged`, `partial`, `noop` or `refused`; empty where it was not judged.
        scale: It was asked for at.
    """

    name: str
    matched: int = 0
    total: int = 0
    verdict: str = ""
    scale: float | None = None


class SeenRender(msgspec.Struct, frozen=True, kw_only=True):
    """One render.

    Attributes:
        at: When it ended, UTC, ISO 8601.
        job_id, tier, variant, seed: Its own; empty, or None, where that is not told.
        size: Such as `512x512`.
        style: Its genre and world.
        outcome: `done`, `failed` or `cancelled`.
        source: `painted`, `cached` or `shared`.
        seconds: From acceptance to its reply.
        parts: Seconds of each of `PARTS` that there was.
        steps: Denoise steps.
        adapters: Its stack, in order.
        reason: Why it has no picture, or what is wrong with an adapter; empty where nothing is.
        trace_id: 32 hex digits; empty where it is not traced.
        image_path: Its picture; empty where there is none.
    """

    at: str
    job_id: str = ""
    tier: str = ""
    variant: str = ""
    seed: int | None = None
    size: str = ""
    style: str = ""
    outcome: str = ""
    source: str = ""
    seconds: float = 0.0
    parts: dict[str, float] = {}
    steps: int = 0
    adapters: list[SeenAdapter] = []
    reason: str = ""
    trace_id: str = ""
    image_path: str = ""

    @property
    def dead(self) -> bool:
        """An adapter of it changed nothing."""
        return any(adapter.verdict in {"noop", "refused"} for adapter in self.adapters)
