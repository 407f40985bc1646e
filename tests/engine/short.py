"""The standin of FLUX.1 with the first few of its blocks: each is as the whole one's, and a pass costs a tenth.

For what a few blocks of each kind show as well as all of them. What is said of all of them is asked of the whole one.
"""

from collections.abc import Iterable

from mlx import nn
from msgspec.structs import replace

from kilnmark.engine.families.base import Base, load_base
from kilnmark.protocol.picture.numerics import Numerics
from tests.engine.flux import flux_of
from tests.keymaps.lycoris import Share, in_blocks

__all__ = ["BLOCKS", "TARGETS", "short", "short_standin", "shorten"]

BLOCKS = 4
"""Of each kind."""

TARGETS = BLOCKS * (14 + 6)
"""The linear layers in them: a double block has 14, a single one 6."""


def short_standin(variant: str = "standin", *, numerics: Numerics = "exact") -> Base:
    """Load it; whoever puts something on it takes it off again."""
    whole = load_base(variant, None, numerics=numerics)
    shorten(flux_of(whole).transformer)
    return Base(whole.model, whole.variant, replace(whole.info, target_count=TARGETS))


def shorten(transformer: nn.Module) -> None:
    """Leave it its first blocks of each kind."""
    for name, blocks in transformer.items():
        if isinstance(blocks, list):
            transformer[name] = blocks[:BLOCKS]


def short(shares: Iterable[Share]) -> list[Share]:
    """Those of modules that stand in its blocks."""
    return in_blocks(shares, BLOCKS)
