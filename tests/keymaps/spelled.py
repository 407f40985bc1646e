"""What `oracle` has, of files whose names somebody spelled otherwise: nothing here reads a convention's document."""

from collections.abc import Iterator, Mapping

from tests.keymaps.lines.encoders import CLIP_ENDS, clip
from tests.keymaps.lines.flux2 import flux2_diffusers
from tests.keymaps.lines.line import H, Line, M, Z
from tests.keymaps.oracle import KOHYA, Writer

DOT = ("lora.down.weight", "lora.up.weight")
DEFAULT = ("lora_A.default.weight", "lora_B.default.weight")
FIRST = ("lora_A.default_0.weight", "lora_B.default_0.weight")


def singles(layer: str, rows: int = H) -> Iterator[Line]:
    for n in range(38):
        name = f"single_transformer_blocks.{n}.{layer}"
        yield name, name, 0, rows


def queries() -> Iterator[Line]:
    yield from singles("attn.to_q")


def keys() -> Iterator[Line]:
    yield from singles("attn.to_k")


def underscored() -> Iterator[Line]:
    """TheLastBen's: every flat name ends in an underscore."""
    around = ("context_embedder", H), ("norm_out.linear", 2 * H)
    for module, target, begin, end in (*queries(), *((name, name, 0, rows) for name, rows in around)):
        yield f"{module}_", target, begin, end


def omi() -> Iterator[Line]:
    """`convert_flux_lora.py` of OneTrainer: Black Forest Labs' names, the layers of a fused module numbered."""
    for n in range(19):
        yield f"double_blocks.{n}.img_attn.qkv.1", f"transformer_blocks.{n}.attn.to_k", 0, H
        yield f"double_blocks.{n}.txt_attn.qkv.2", f"transformer_blocks.{n}.attn.add_v_proj", 0, H
    for n in range(38):
        yield f"single_blocks.{n}.linear1.0", f"single_transformer_blocks.{n}.attn.to_q", 0, H
        yield f"single_blocks.{n}.linear1.3", f"single_transformer_blocks.{n}.proj_mlp", 0, M
    yield "img_in.proj", "x_embedder", 0, H
    yield "proj_out", "proj_out", 0, 64


def comfyui_of_simpletuner() -> Iterator[Line]:
    for n in range(19):
        block = f"transformer_blocks.{n}"
        yield f"{block}.attn.to_q", f"{block}.attn.to_q", 0, H
        yield f"{block}.attn.to_out.0", f"{block}.attn.to_out.0", 0, H
        yield f"{block}.ff.net.0.proj", f"{block}.ff.linear1", 0, M
        yield f"{block}.ff.net.2", f"{block}.ff.linear2", 0, H
    yield from queries()


def fused() -> Iterator[Line]:
    """FluxAttention of diffusers after `fuse_projections`: query, key and value in row order."""
    for n in range(19):
        block = f"transformer_blocks.{n}.attn"
        for place, letter in enumerate("qkv"):
            yield f"{block}.to_qkv", f"{block}.to_{letter}", place * H, (place + 1) * H
            yield f"{block}.to_added_qkv", f"{block}.add_{letter}_proj", place * H, (place + 1) * H
    for n in range(38):
        block = f"single_transformer_blocks.{n}.attn"
        for place, letter in enumerate("qkv"):
            yield f"{block}.to_qkv", f"{block}.to_{letter}", place * H, (place + 1) * H


def with_dotted_clip() -> Iterator[Line]:
    yield "lora_transformer.proj_out", "proj_out", 0, 64
    for module, target, begin, end in clip(CLIP_ENDS[:4]):
        yield f"lora_te1.{module}", target, begin, end


def klein_around() -> Iterator[Line]:
    """Every linear layer outside of blocks, and one inside; `Flux2TimestepGuidanceEmbeddings` has its own within."""
    for n in range(20):
        yield f"single_transformer_blocks.{n}.attn.to_out", f"single_transformer_blocks.{n}.attn.to_out", 0, H
    for place in (1, 2):
        ours = f"time_guidance_embed.linear_{place}"
        yield f"time_guidance_embed.timestep_embedder.linear_{place}", ours, 0, H
    for name, rows in (
        ("x_embedder", H),
        ("context_embedder", H),
        ("double_stream_modulation_img.linear", 6 * H),
        ("double_stream_modulation_txt.linear", 6 * H),
        ("single_stream_modulation.linear", 3 * H),
        ("norm_out.linear", 2 * H),
        ("proj_out", 128),
    ):
        yield name, name, 0, rows


def sformer() -> Iterator[Line]:
    for module, target, begin, end in flux2_diffusers():
        begins = module.startswith("transformer_blocks")
        yield module.replace("transformer", "sformer", 1) if begins else module, target, begin, end


def refiners() -> Iterator[Line]:
    for stack in ("noise_refiner", "context_refiner"):
        for n in range(2):
            for layer in ("to_q", "to_k", "to_v", "to_out.0"):
                name = f"{stack}.{n}.attention.{layer}"
                yield name, name, 0, Z
            for layer, rows in (("w1", 10240), ("w2", Z), ("w3", 10240)):
                name = f"{stack}.{n}.feed_forward.{layer}"
                yield name, name, 0, rows


def some_of_z_image() -> Iterator[Line]:
    for n in range(30):
        yield f"layers.{n}.attention.to_q", f"layers.{n}.attention.to_q", 0, Z
        yield f"layers.{n}.adaLN_modulation.0", f"layers.{n}.adaLN_modulation.0", 0, 4 * Z


SPELLED: Mapping[str, Writer] = {
    "trailing-underscore": Writer(underscored, "lora_unet_", *KOHYA, flat=True),
    "transformer-flat": Writer(queries, "transformer_", *KOHYA, flat=True),
    "onetrainer-omi": Writer(omi, "transformer.", *KOHYA),
    "simpletuner-comfyui": Writer(comfyui_of_simpletuner, "diffusion_model."),
    "simpletuner-lora-down": Writer(keys, "transformer.base_model.model.", *DOT),
    "peft-named-adapter": Writer(queries, "", *FIRST),
    "diffusers-named-adapter": Writer(queries, "transformer.", *DEFAULT),
    "compiled": Writer(queries, "transformer._orig_mod."),
    "diffsynth-pipe": Writer(queries, "pipe.dit.", *DEFAULT),
    "simpletuner-fused-qkv": Writer(fused, "transformer."),
    "onetrainer-dotted": Writer(with_dotted_clip, "", *KOHYA),
    "onetrainer-embeddings": Writer(queries, "lora_transformer_", *KOHYA, flat=True),
    "flux2-all-linear": Writer(klein_around, "transformer."),
    "flux2-sformer": Writer(sformer, "diffusion_model."),
    "zimage-double-underscore": Writer(refiners, "lora_unet__", *KOHYA, flat=True),
    "zimage-peft-pipeline": Writer(some_of_z_image, "base_model.model.transformer."),
}
"""Every exhibit of `exhibits/spellings.py`."""
