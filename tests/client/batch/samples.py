"""Examples of what a batch knows."""

from typing import Any

import msgspec

from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.client.batch.run.picture import Picture

__all__ = ["picture"]

_PICTURE = Picture(
    genre="ash",
    world="mire",
    kind="poi",
    name="Glass Stair",
    tier="landscape",
    source="ash/worlds/mire/history.yaml:12",
    prompt="a stair of glass",
    negative_prompt=None,
    seed=7,
    tokens=Tokens(t5=6, clip=7, t5_limit=512, clip_limit=77, estimated=True),
    file="ash/mire/poi/glass-stair.png",
    width=64,
    height=64,
    steps=1,
    guidance=3.5,
    variant="standin",
    loras=[],
    status="done",
    inputs="0" * 64,
    created="2026-01-01T00:00:00Z",
)


def picture(**changes: Any) -> Picture:
    """A picture that is done, with some of it changed."""
    return msgspec.structs.replace(_PICTURE, **changes)
