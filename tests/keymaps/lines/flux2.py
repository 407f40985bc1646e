"""FLUX.2-klein by hand: how each trainer names its layers, beside the modules of mflux and the rows.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator

from tests.keymaps.lines.line import H, Line


def flux2_bfl() -> Iterator[Line]:
    for n in range(5):
        for stream, attn, ff in (
            ("img", ("to_q", "to_k", "to_v", "to_out"), "ff"),
            ("txt", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), "ff_context"),
        ):
            theirs, ours = f"double_blocks.{n}.{stream}", f"transformer_blocks.{n}"
            for place in range(3):
                yield f"{theirs}_attn.qkv", f"{ours}.attn.{attn[place]}", place * H, (place + 1) * H
            yield f"{theirs}_attn.proj", f"{ours}.attn.{attn[3]}", 0, H
            yield f"{theirs}_mlp.0", f"{ours}.{ff}.linear_in", 0, 6 * H
            yield f"{theirs}_mlp.2", f"{ours}.{ff}.linear_out", 0, H
    for n in range(20):
        yield f"single_blocks.{n}.linear1", f"single_transformer_blocks.{n}.attn.to_qkv_mlp_proj", 0, 9 * H
        yield f"single_blocks.{n}.linear2", f"single_transformer_blocks.{n}.attn.to_out", 0, H


def flux2_all() -> Iterator[Line]:
    yield from flux2_bfl()
    yield "img_in", "x_embedder", 0, H
    yield "txt_in", "context_embedder", 0, H
    yield "time_in.in_layer", "time_guidance_embed.linear_1", 0, H
    yield "time_in.out_layer", "time_guidance_embed.linear_2", 0, H
    for name, factor in (
        ("double_stream_modulation_img", 6),
        ("double_stream_modulation_txt", 6),
        ("single_stream_modulation", 3),
    ):
        yield f"{name}.lin", f"{name}.linear", 0, factor * H
    yield "final_layer.adaLN_modulation.1", "norm_out.linear", 0, 2 * H
    yield "final_layer.linear", "proj_out", 0, 128


def flux2_diffusers() -> Iterator[Line]:
    for _, target, begin, end in flux2_bfl():
        module = f"{target}.0" if target.startswith("transformer") and target.endswith(".to_out") else target
        yield module, target, 0, end - begin
