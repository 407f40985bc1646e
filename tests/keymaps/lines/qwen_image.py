"""Qwen-Image-2.1 by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator

from tests.keymaps.lines.line import Line

QWEN3_ENDS = (
    *(f"self_attn.{letter}_proj" for letter in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
)

QWEN_BLOCK = {
    "attn.to_q": 4096,
    "attn.to_k": 4096,
    "attn.to_v": 4096,
    "attn.to_out.0": 4096,
    "img_mlp.proj": 12288,
    "img_mlp.gate_layer": 12288,
    "img_mlp.out": 4096,
}
"""Qwen-Image-2.1's layers of a block, and their rows."""

QWEN_TIME = (
    ("modulation.1", "modulation.layers.1", 16384),
    *((f"time_text_embed.timestep_embedder.linear_{n}",) * 2 + (4096,) for n in (1, 2)),
)

QWEN_AROUND = (
    ("txt_in.in_layer", 4096),
    ("txt_in.out_layer", 4096),
    ("img_in", 4096),
    ("norm_out.linear", 4096),
    ("proj_out", 64),
)


def qwen_blocks() -> Iterator[Line]:
    for n in range(32):
        for layer, rows in QWEN_BLOCK.items():
            yield f"transformer_blocks.{n}.{layer}", f"transformer_blocks.{n}.{layer}", 0, rows


def qwen_all() -> Iterator[Line]:
    yield from qwen_blocks()
    yield from ((theirs, ours, 0, rows) for theirs, ours, rows in QWEN_TIME)
    yield from ((name, name, 0, rows) for name, rows in QWEN_AROUND)


def qwen_fused() -> Iterator[Line]:
    """The first half of the rows is the gate."""
    for module, target, begin, end in qwen_blocks():
        if ".img_mlp.out" in module or ".attn." in module:
            yield module, target, begin, end
            continue
        fused = f"{module.rpartition('.')[0]}.gate_up"
        first = 0 if module.endswith(".gate_layer") else end
        yield fused, target, first, first + end
    yield from ((theirs, ours, 0, rows) for theirs, ours, rows in QWEN_TIME)
