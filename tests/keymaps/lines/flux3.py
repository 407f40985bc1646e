"""FLUX.3-klein by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator, Mapping

from tests.keymaps.lines.line import H, Line

FLUX3 = {
    "q_proj": ("attn.to_q", H),
    "k_proj": ("attn.to_k", H),
    "v_proj": ("attn.to_v", H),
    "attn_out": ("attn.to_out", H),
    "mlp_in": ("ff.linear_in", 6 * H),
    "mlp_out": ("ff.linear_out", H),
}
"""Black Forest Labs' names of a block's layers, mflux's, and their rows."""

FLUX3_STACKS = {
    "content_mode_blocks.image": ("mode_blocks.image", 5),
    "content_mode_blocks.image_cond": ("mode_blocks.image_cond", 5),
    "txt_mode_blocks": ("txt_mode_blocks", 5),
    "single_blocks": ("single_transformer_blocks", 28),
}

FLUX3_AROUND = (
    ("txt_in", "context_embedder", H),
    ("time_in.in_layer", "timestep_embedder.linear_1", H),
    ("time_in.out_layer", "timestep_embedder.linear_2", H),
    ("ref_time_in.in_layer", "target_timestep_embedder.linear_1", H),
    ("ref_time_in.out_layer", "target_timestep_embedder.linear_2", H),
    ("emb_in.image", "x_embedders.image", H),
    ("emb_in.image_cond", "x_embedders.image_cond", H),
    *(
        (f"{stack}.{mode}.lin", f"{stack}.{mode}.linear", 3 * H)
        for stack in ("early_stream_modulations", "single_stream_modulations")
        for mode in ("image", "image_cond", "txt")
    ),
    ("final_layer.image.linear", "proj_out", 128),
)


def flux3_bfl(stacks: Mapping[str, tuple[str, int]] = FLUX3_STACKS) -> Iterator[Line]:
    for theirs, (ours, count) in stacks.items():
        for n in range(count):
            for name, (layer, rows) in FLUX3.items():
                yield f"{theirs}.{n}.{name}", f"{ours}.{n}.{layer}", 0, rows


def flux3_single() -> Iterator[Line]:
    yield from flux3_bfl({"single_blocks": FLUX3_STACKS["single_blocks"]})


def flux3_all() -> Iterator[Line]:
    """With the output, whose shift and scale change places: see `swapped`."""
    yield from flux3_bfl()
    yield from ((theirs, ours, 0, rows) for theirs, ours, rows in FLUX3_AROUND)
    yield "final_layer.image.adaLN_modulation.1", "norm_out.linear", 0, 2 * H


def flux3_diffusers() -> Iterator[Line]:
    for _, target, begin, end in flux3_bfl():
        yield f"{target}.0" if target.endswith(".to_out") else target, target, begin, end


def flux3_all_diffusers() -> Iterator[Line]:
    yield from flux3_diffusers()
    yield from ((ours, ours, 0, rows) for _, ours, rows in FLUX3_AROUND)
    yield "norm_out.linear", "norm_out.linear", 0, 2 * H
