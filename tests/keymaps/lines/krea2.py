"""Krea 2 by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator

from tests.keymaps.lines.line import K, Line

KREA = {
    "attn.wq": ("attn.to_q", K),
    "attn.wk": ("attn.to_k", K // 4),
    "attn.wv": ("attn.to_v", K // 4),
    "attn.gate": ("attn.to_gate", K),
    "attn.wo": ("attn.to_out.0", K),
    "mlp.gate": ("ff.gate", 16384),
    "mlp.up": ("ff.up", 16384),
    "mlp.down": ("ff.down", K),
}
"""Krea's own names of a block's layers, those of diffusers, and their rows."""


def krea_blocks(*, by_diffusers: bool = False) -> Iterator[Line]:
    for n in range(28):
        for own, (theirs, rows) in KREA.items():
            target = f"blocks.{n}.{own}"
            yield f"transformer_blocks.{n}.{theirs}" if by_diffusers else target, target, 0, rows


def krea_diffusers() -> Iterator[Line]:
    yield from krea_blocks(by_diffusers=True)


def krea_fused(*, by_diffusers: bool = False) -> Iterator[Line]:
    """Two blocks over the depths of the text encoder, and two over its words, without grouped queries."""
    for stack in ("layerwise_blocks", "refiner_blocks"):
        for n in range(2):
            for own, (theirs, _) in KREA.items():
                target = f"txtfusion.{stack}.{n}.{own}"
                rows = 6912 if own in ("mlp.gate", "mlp.up") else 2560
                yield f"text_fusion.{stack}.{n}.{theirs}" if by_diffusers else target, target, 0, rows


def krea_all_blocks() -> Iterator[Line]:
    yield from krea_blocks()
    yield from krea_fused()


KREA_AROUND = (
    ("first", "img_in", "first", K),
    ("tmlp.0", "time_embed.linear_1", "tmlp.linear_in", K),
    ("tmlp.2", "time_embed.linear_2", "tmlp.linear_out", K),
    ("tproj.1", "time_mod_proj", "tproj.linear", 6 * K),
    ("txtfusion.projector", "text_fusion.projector", "txtfusion.projector", 1),
    ("txtmlp.1", "txt_in.linear_1", "txtmlp.linear_in", K),
    ("txtmlp.3", "txt_in.linear_2", "txtmlp.linear_out", K),
    ("last.linear", "final_layer.linear", "last.linear", 64),
)
"""Krea's own names around the blocks, those of diffusers, the targets and their rows."""


def krea_all() -> Iterator[Line]:
    yield from krea_all_blocks()
    yield from ((own, target, 0, rows) for own, _, target, rows in KREA_AROUND)


def krea_all_diffusers() -> Iterator[Line]:
    yield from krea_blocks(by_diffusers=True)
    yield from krea_fused(by_diffusers=True)
    yield from ((theirs, target, 0, rows) for _, theirs, target, rows in KREA_AROUND)
