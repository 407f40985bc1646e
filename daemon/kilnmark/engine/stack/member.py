"""One adapter of a stack, and how strong it is: at one scale, or at one for each of its layers.

What a request says of blocks is understood here, on the layers of one base; how it is written is protocol's part.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.errors import UnfitAdapter, UnusableScales
from kilnmark.keymaps.names.blocks import Blocks, LayerScales
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.protocol.picture.block_scales import BlockScale

__all__ = ["Member", "MemberKey", "member_of"]

MemberKey = tuple[str, float, tuple[BlockScale, ...]]
"""Content hash, scale, and the scales of some blocks: on one base, all that an adapter's strength depends on."""


class Member(NamedTuple):
    """One adapter of a stack.

    Attributes:
        scale: Of all its layers, or of those that no pattern matches.
        on_layers: What scales for some blocks come to; None where it has one for all.
    """

    adapter: Adapter
    scale: float
    on_layers: LayerScales | None = None

    @property
    def key(self) -> MemberKey:
        """What tells it from others on one base."""
        return self.adapter.sha256, self.scale, () if self.on_layers is None else self.on_layers.reached

    @property
    def scales(self) -> Sequence[float]:
        """Of each of its updates."""
        return (self.scale,) * len(self.adapter.updates) if self.on_layers is None else self.on_layers.scales

    @property
    def at_nothing(self) -> "Member":
        """The same at scale 0."""
        return Member(self.adapter, 0.0)

    def raised(self, by: float) -> "Member":
        """The same at a multiple of its scales."""
        return Member(self.adapter, by * self.scale, self.on_layers and self.on_layers.times(by))

    @property
    def silent(self) -> frozenset[str]:
        """Targets that it is put on at scale 0 beside others; none where it has one scale."""
        if self.on_layers is None:
            return frozenset()
        pairs = zip(self.adapter.updates, self.on_layers.scales, strict=True)
        return frozenset(update.target for update, scale in pairs if not scale)

    @property
    def on_encoders(self) -> tuple[str, tuple[float, ...]] | None:
        """What tells what it makes of text encoders: content hash, and the scale of each of their layers, or of all.

        None where it changes none.
        """
        pairs = zip(self.adapter.updates, self.scales, strict=True)
        there = tuple(scale for update, scale in pairs if encoder_of(update.target))
        if not there:
            return None
        return self.adapter.sha256, there[:1] if len(set(there)) == 1 else there


def member_of(adapter: Adapter, scale: float, asked: Mapping[str, float], blocks: Blocks) -> Member:
    """One adapter at its scales.

    Args:
        adapter: As it was read.
        scale: Of the layers that no pattern matches.
        asked: Scales for some blocks, by their patterns.
        blocks: Of the base.

    Raises:
        UnfitAdapter: A pattern matches no layer of the base or of the adapter, or two differ on one block.
    """
    if not asked:
        return Member(adapter, scale)
    try:
        return Member(adapter, scale, blocks.scales([update.target for update in adapter.updates], scale, asked))
    except UnusableScales as error:
        raise UnfitAdapter(adapter.path, f"block scales: {error.problem}", error.mend) from error
