"""FLUX.1 by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator

from tests.keymaps.lines.line import H, Line, M


def flux1_bfl() -> Iterator[Line]:
    """`flux/model.py` of Black Forest Labs beside the modules of mflux."""
    for n in range(19):
        for stream, attn, ff, norm in (
            ("img", ("to_q", "to_k", "to_v", "to_out.0"), "ff", "norm1"),
            ("txt", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), "ff_context", "norm1_context"),
        ):
            theirs, ours = f"double_blocks.{n}.{stream}", f"transformer_blocks.{n}"
            for place in range(3):
                yield f"{theirs}_attn.qkv", f"{ours}.attn.{attn[place]}", place * H, (place + 1) * H
            yield f"{theirs}_attn.proj", f"{ours}.attn.{attn[3]}", 0, H
            yield f"{theirs}_mlp.0", f"{ours}.{ff}.linear1", 0, M
            yield f"{theirs}_mlp.2", f"{ours}.{ff}.linear2", 0, H
            yield f"{theirs}_mod.lin", f"{ours}.{norm}.linear", 0, 6 * H
    for n in range(38):
        theirs, ours = f"single_blocks.{n}", f"single_transformer_blocks.{n}"
        for place, letter in enumerate("qkv"):
            yield f"{theirs}.linear1", f"{ours}.attn.to_{letter}", place * H, (place + 1) * H
        yield f"{theirs}.linear1", f"{ours}.proj_mlp", 3 * H, 3 * H + M
        yield f"{theirs}.linear2", f"{ours}.proj_out", 0, H
        yield f"{theirs}.modulation.lin", f"{ours}.norm.linear", 0, 3 * H


def flux1_bfl_inputs() -> Iterator[Line]:
    yield "img_in", "x_embedder", 0, H
    yield "txt_in", "context_embedder", 0, H
    for theirs, ours in (("time", "timestep"), ("vector", "text"), ("guidance", "guidance")):
        yield f"{theirs}_in.in_layer", f"time_text_embed.{ours}_embedder.linear_1", 0, H
        yield f"{theirs}_in.out_layer", f"time_text_embed.{ours}_embedder.linear_2", 0, H


def flux1_mlx() -> Iterator[Line]:
    """The same in mlx-examples, which has a Sequential's `layers` in its names."""
    for module, target, begin, end in flux1_bfl():
        yield module.replace("_mlp.", "_mlp.layers."), target, begin, end


def flux1_paths() -> Iterator[tuple[str, int]]:
    """Every linear layer in blocks of FLUX.1 and its rows, in mflux's names."""
    yield from ((target, end - begin) for _, target, begin, end in flux1_bfl())


def flux1_mflux() -> Iterator[Line]:
    yield from ((target, target, 0, rows) for target, rows in flux1_paths())


def flux1_diffusers() -> Iterator[Line]:
    """`transformer_flux.py` of diffusers, which differs from mflux in the feed-forward layers only."""
    for target, rows in flux1_paths():
        yield target.replace(".linear1", ".net.0.proj").replace(".linear2", ".net.2"), target, 0, rows


def flux1_diffusers_core() -> Iterator[Line]:
    """The default target_modules of `train_dreambooth_lora_flux.py`."""
    ends = ("to_q", "to_k", "to_v", "to_out.0", "_proj", "to_add_out", "net.0.proj", "net.2")
    for line in flux1_diffusers():
        if line[0].endswith(ends) and not line[0].endswith(("mlp",)):
            yield line


def flux1_diffusers_around() -> Iterator[Line]:
    for _, target, begin, end in flux1_bfl_inputs():
        yield target, target, begin, end
    yield "norm_out.linear", "norm_out.linear", 0, 2 * H
    yield "proj_out", "proj_out", 0, 64


def flux1_all_diffusers() -> Iterator[Line]:
    yield from flux1_diffusers()
    yield from flux1_diffusers_around()


def flux1_in_dims() -> Iterator[Line]:
    yield from flux1_bfl()
    yield from flux1_bfl_inputs()


def flux1_all_bfl() -> Iterator[Line]:
    """With the output, whose shift and scale change places: see `swapped`."""
    yield from flux1_in_dims()
    yield "final_layer.adaLN_modulation.1", "norm_out.linear", 0, 2 * H
    yield "final_layer.linear", "proj_out", 0, 64


def flux1_fal() -> Iterator[Line]:
    yield from flux1_bfl()
    yield "final_layer.linear", "proj_out", 0, 64


def flux1_attention_only() -> Iterator[Line]:
    yield from (line for line in flux1_bfl() if "double" in line[0] and "_attn." in line[0])


def flux1_xlabs() -> Iterator[Line]:
    """`DoubleStreamBlockLoraProcessor`: 1 is the image's half, 2 the text's."""
    names = {"img_attn.qkv": "qkv_lora1", "img_attn.proj": "proj_lora1", "txt_attn.qkv": "qkv_lora2"}
    names["txt_attn.proj"] = "proj_lora2"
    for module, target, begin, end in flux1_attention_only():
        stack, block, name = module.split(".", 2)
        yield f"{stack}.{block}.processor.{names[name]}", target, begin, end


def flux1_xlabs_single() -> Iterator[Line]:
    for n in range(38):
        for place, letter in enumerate("qkv"):
            yield (
                f"single_blocks.{n}.processor.qkv_lora",
                f"single_transformer_blocks.{n}.attn.to_{letter}",
                place * H,
                (place + 1) * H,
            )
        yield f"single_blocks.{n}.processor.proj_lora", f"single_transformer_blocks.{n}.proj_out", 0, H
