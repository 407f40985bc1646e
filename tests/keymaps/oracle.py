"""What trainers' own arithmetic makes of their files, written out by hand: nothing here reads a convention's document.

Each `Writer` gives, for every target of a file, the module and the rows that it comes from; `product` gives the factors
of the update in float64.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Raw = Mapping[str, NDArray[np.float32]]
Wide = NDArray[np.float64]
Line = tuple[str, str, int, int]
"""Module without prefix, target, first row, end row."""

H, M, Z, K = 3072, 12288, 3840, 6144


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


CLIP_ENDS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")
T5_ENDS = ("q", "k", "v", "o", "wi_0", "wi_1", "wo")


def clip(ends: tuple[str, ...] = CLIP_ENDS) -> Iterator[Line]:
    """Transformers' CLIPTextModel, whose names mflux kept."""
    for n in range(12):
        for end in ends:
            name = f"text_model.encoder.layers.{n}.{end}"
            yield name, f"clip_text_encoder.{name}", 0, 3072 if end == "mlp.fc1" else 768


def t5() -> Iterator[Line]:
    """Transformers' T5EncoderModel: the first layer of a block is attention, the second feed-forward."""
    for n in range(24):
        for end in T5_ENDS:
            theirs = f"layer.0.SelfAttention.{end}" if len(end) == 1 else f"layer.1.DenseReluDense.{end}"
            ours = f"attention.SelfAttention.{end}" if len(end) == 1 else f"ff.DenseReluDense.{end}"
            yield (
                f"encoder.block.{n}.{theirs}",
                f"t5_text_encoder.t5_blocks.{n}.{ours}",
                0,
                10240 if "wi_" in end else 4096,
            )


def below(prefix: str, lines: Iterator[Line], separator: str = "_") -> Iterator[Line]:
    """The same with all of a name before the suffix written out."""
    for module, target, begin, end in lines:
        yield prefix + module.replace(".", separator), target, begin, end


def kohya_te1() -> Iterator[Line]:
    yield from below("lora_te1_", clip())


def kohya_and_te1() -> Iterator[Line]:
    yield from below("lora_unet_", flux1_bfl())
    yield from kohya_te1()


def kohya_and_both() -> Iterator[Line]:
    yield from kohya_and_te1()
    yield from below("lora_te3_", t5())


def onetrainer_encoders() -> Iterator[Line]:
    yield from kohya_te1()
    yield from below("lora_te2_", t5())


def comfyui_encoders() -> Iterator[Line]:
    yield from below("text_encoders.clip_l.transformer.", clip(), ".")
    yield from below("text_encoders.t5xxl.transformer.", t5(), ".")


QWEN3_ENDS = (
    *(f"self_attn.{letter}_proj" for letter in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
)


def qwen3(read: int, width: int = 2560, wide: int = 9728) -> Iterator[Line]:
    """Transformers' Qwen3Model, whose names mflux kept: the layers that are read, of the 36 that there are."""
    rows = {"q_proj": 4096, "k_proj": 1024, "v_proj": 1024, "gate_proj": wide, "up_proj": wide}
    for n in range(read):
        for end in QWEN3_ENDS:
            name = f"layers.{n}.{end}"
            yield name, f"qwen3_text_encoder.{name}", 0, rows.get(end.split(".")[1], width)


def klein_and_qwen3() -> Iterator[Line]:
    yield from below("transformer.", flux2_diffusers(), ".")
    yield from below("text_encoder.model.", qwen3(27), ".")


def flat_klein_and_qwen3() -> Iterator[Line]:
    yield from below("lora_transformer_", flux2_diffusers())
    yield from below("lora_te_model_", qwen3(27))


def qwen3_of_z_image() -> Iterator[Line]:
    yield from below("text_encoder.", qwen3(35), ".")


def flat_qwen3_of_z_image() -> Iterator[Line]:
    yield from below("lora_te_", qwen3(35))


def qwen3_4b_of_comfyui() -> Iterator[Line]:
    yield from below("text_encoders.qwen3_4b.transformer.model.", qwen3(27), ".")


def qwen3_8b_of_comfyui() -> Iterator[Line]:
    yield from below("text_encoders.qwen3_8b.transformer.model.", qwen3(27, 4096, 12288), ".")


def diffusers_and_clip() -> Iterator[Line]:
    yield from below("transformer.", flux1_diffusers_core(), ".")
    yield from below("text_encoder.", clip(CLIP_ENDS[:4]), ".")


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


def z_image(stacks: Mapping[str, int], *, fused: bool = False, modulated: bool = False) -> Iterator[Line]:
    for stack, count in stacks.items():
        for n in range(count):
            block = f"{stack}.{n}"
            for place, letter in enumerate("qkv"):
                target = f"{block}.attention.to_{letter}"
                if fused:
                    yield f"{block}.attention.qkv", target, place * Z, (place + 1) * Z
                else:
                    yield target, target, 0, Z
            yield f"{block}.attention.{'out' if fused else 'to_out.0'}", f"{block}.attention.to_out.0", 0, Z
            for name, rows in (("w1", 10240), ("w2", Z), ("w3", 10240)):
                yield f"{block}.feed_forward.{name}", f"{block}.feed_forward.{name}", 0, rows
            if modulated and stack != "context_refiner":
                yield f"{block}.adaLN_modulation.0", f"{block}.adaLN_modulation.0", 0, 4 * Z


def z_image_layers() -> Iterator[Line]:
    yield from z_image({"layers": 30})


def z_image_modulated() -> Iterator[Line]:
    yield from z_image({"layers": 30}, modulated=True)


def z_image_fused() -> Iterator[Line]:
    yield from z_image({"layers": 30}, fused=True)


def z_image_all() -> Iterator[Line]:
    yield from z_image({"layers": 30, "noise_refiner": 2, "context_refiner": 2}, modulated=True)
    yield "all_x_embedder.2-1", "all_x_embedder.2-1", 0, Z
    yield "all_final_layer.2-1.linear", "all_final_layer.2-1.linear", 0, 64
    yield "all_final_layer.2-1.adaLN_modulation.1", "all_final_layer.2-1.adaLN_modulation.0", 0, Z
    yield "cap_embedder.1", "cap_embedder.1", 0, Z
    yield "t_embedder.mlp.0", "t_embedder.linear1", 0, 1024
    yield "t_embedder.mlp.2", "t_embedder.linear2", 0, 256


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


@dataclass(frozen=True, slots=True)
class Writer:
    """How one trainer writes: its modules, and how their names and matrices stand in the file."""

    lines: Callable[[], Iterator[Line]]
    prefix: str = ""
    down: str = "lora_A.weight"
    up: str = "lora_B.weight"
    flat: bool = False
    transposed: bool = False
    zero_is_rank: bool = False

    def name(self, module: str) -> str:
        return self.prefix + (module.replace(".", "_") if self.flat else module)

    def product(self, raw: Raw, line: Line) -> tuple[float, Wide, Wide]:
        """Multiplier, up rows and down matrix of one target: `multiplier * up @ down` is the trainer's update."""
        module, _, begin, end = line
        name = self.name(module)
        down, up = (raw[f"{name}.{suffix}"].astype(float) for suffix in (self.down, self.up))
        if self.transposed:
            down, up = down.T, up.T
        rank = down.shape[0]
        alpha = float(raw[f"{name}.alpha"]) if f"{name}.alpha" in raw else rank
        multiplier = (rank if self.zero_is_rank and alpha == 0 else alpha) / rank
        rows = swapped(up) if module.startswith("final_layer.") and "adaLN" in module else up[begin:end]
        return multiplier, rows, down

    def keys(self, raw: Raw) -> set[str]:
        """Names of all the tensors that updates are made of."""
        names = {self.name(line[0]) for line in self.lines()}
        suffixes = (self.down, self.up, "alpha")
        return {f"{name}.{suffix}" for name in names for suffix in suffixes if f"{name}.{suffix}" in raw}


def swapped(up: Wide) -> Wide:
    """Black Forest Labs' last layer chunks its modulation into shift and scale, diffusers' into scale and shift."""
    shift, scale = np.split(up, 2)
    return np.concatenate([scale, shift])


KOHYA = ("lora_down.weight", "lora_up.weight")
BARE = "transformer.base_model.model."


def kohya(lines: Callable[[], Iterator[Line]] = flux1_bfl, prefix: str = "lora_unet_") -> Writer:
    return Writer(lines, prefix, *KOHYA, flat=True)


WRITERS: Mapping[str, Writer] = {
    "mlx-examples-raw": Writer(flux1_mlx, "", "lora_a", "lora_b", transposed=True),
    **dict.fromkeys(("mlx-examples-remapped", "kohya"), kohya()),
    "kohya-te1": Writer(kohya_and_te1, "", *KOHYA),
    "kohya-te1-te3": Writer(kohya_and_both, "", *KOHYA),
    "te-only": Writer(kohya_te1, "", *KOHYA),
    "te2-only": Writer(onetrainer_encoders, "", *KOHYA),
    "te-comfy-only": Writer(comfyui_encoders, "", *KOHYA),
    **dict.fromkeys(("kohya-split-qkv", "draw-things"), kohya()),
    "alpha-zero": replace(kohya(), zero_is_rank=True),
    "kohya-in-dims": kohya(flux1_in_dims),
    **dict.fromkeys(
        ("ai-toolkit", "replicate-ostris", "diffusers-alpha", "mixed-peft-kohya"),
        Writer(flux1_diffusers, "transformer."),
    ),
    **dict.fromkeys(("diffusers-peft", "fal-flux-lora"), Writer(flux1_diffusers_core, "transformer.")),
    "diffusers-peft-te": Writer(diffusers_and_clip),
    "diffusers-all-linear": Writer(flux1_all_diffusers, "transformer."),
    "diffusers-down-up": Writer(flux1_diffusers, "transformer.", *KOHYA),
    "peft-unprefixed": Writer(flux1_diffusers),
    "peft-default-adapter": Writer(flux1_diffusers, "", "lora_A.default.weight", "lora_B.default.weight"),
    "peft-base-model": Writer(flux1_diffusers, "base_model.model."),
    "simpletuner-old": Writer(flux1_diffusers_core, BARE),
    "onetrainer-legacy": kohya(flux1_all_diffusers, "lora_transformer_"),
    "onetrainer-comfy": Writer(flux1_bfl, "diffusion_model."),
    "onetrainer-original": Writer(flux1_bfl),
    "comfy-bfl": Writer(flux1_bfl, "diffusion_model.", *KOHYA),
    "comfy-bfl-all": Writer(flux1_all_bfl, "diffusion_model.", *KOHYA),
    "comfy-xlabs-realism": Writer(flux1_attention_only, "diffusion_model.", *KOHYA),
    "fal-kontext": Writer(flux1_fal, "base_model.model."),
    "xlabs": Writer(flux1_xlabs, "", "down.weight", "up.weight"),
    "xlabs-single": Writer(flux1_xlabs_single, "", "down.weight", "up.weight"),
    "lora-unet-diffusers": kohya(flux1_diffusers),
    "mflux-train-old": Writer(flux1_mflux, "transformer.", "lora_A", "lora_B"),
    "flux2-ai-toolkit": Writer(flux2_bfl, "diffusion_model."),
    "flux2-comfy-down-up": Writer(flux2_bfl, "diffusion_model.", *KOHYA),
    "flux2-all": Writer(flux2_all, "diffusion_model."),
    "flux2-diffusers": Writer(flux2_diffusers, "transformer."),
    "flux2-kohya": kohya(flux2_bfl),
    "qwen3-diffusers": Writer(klein_and_qwen3),
    "qwen3-diffusers-only": Writer(qwen3_of_z_image),
    "qwen3-kohya-only": Writer(flat_qwen3_of_z_image, "", *KOHYA),
    "qwen3-kohya-headed": Writer(flat_klein_and_qwen3, "", *KOHYA),
    "qwen3-comfyui-only": Writer(qwen3_4b_of_comfyui, "", *KOHYA),
    "qwen3-comfyui-8b-only": Writer(qwen3_8b_of_comfyui, "", *KOHYA),
    "zimage-ai-toolkit": Writer(z_image_modulated, "diffusion_model."),
    "zimage-diffusers": Writer(z_image_layers, "transformer."),
    "zimage-all": Writer(z_image_all, "transformer."),
    **dict.fromkeys(("zimage-kohya", "zimage-twice"), kohya(z_image_modulated)),
    "zimage-comfy-fused": Writer(z_image_fused, "diffusion_model.", *KOHYA),
    "zimage-comfy-fused-ab": Writer(z_image_fused, "diffusion_model."),
    "krea2-ai-toolkit": Writer(krea_blocks, "diffusion_model."),
    "krea2-all": Writer(krea_all, "diffusion_model."),
    "krea2-down-up": Writer(krea_blocks, "diffusion_model.", *KOHYA),
    "krea2-official": Writer(krea_all_blocks, "transformer."),
    "krea2-diffusers": Writer(krea_diffusers, "transformer."),
    "krea2-peft": Writer(krea_all_diffusers, "base_model.model."),
    "krea2-kohya": kohya(krea_blocks),
    "flux3-ai-toolkit": Writer(flux3_single, "diffusion_model."),
    "flux3-all": Writer(flux3_all, "diffusion_model."),
    "flux3-down-up": Writer(flux3_bfl, "diffusion_model.", *KOHYA),
    "flux3-diffusers": Writer(flux3_diffusers, "transformer."),
    "flux3-peft": Writer(flux3_all_diffusers, "base_model.model."),
    "flux3-kohya": kohya(flux3_bfl),
    "qwen-image-diffusers": Writer(qwen_blocks, "transformer."),
    "qwen-image-comfyui": Writer(qwen_all, "diffusion_model."),
    "qwen-image-down-up": Writer(qwen_blocks, "diffusion_model.", *KOHYA),
    "qwen-image-peft": Writer(qwen_all, "base_model.model."),
    "qwen-image-fused": Writer(qwen_fused, "diffusion_model."),
    "qwen-image-lycoris": Writer(qwen_blocks, "lycoris_", *KOHYA, flat=True),
}
"""Every healthy exhibit of the zoo made of plain pairs."""


def relative_error(multiplier: float, up: Wide, down: Wide, other: tuple[float, Wide, Wide]) -> float:
    """Frobenius norm of the difference of two updates over that of the second, without multiplying either out."""
    factor, other_up, other_down = other
    if np.array_equal(up, other_up) and np.array_equal(down, other_down) and factor * up.any() * down.any():
        return abs(multiplier - factor) / abs(factor)
    ups = np.concatenate([multiplier * up, -factor * other_up], axis=1)
    downs = np.concatenate([down, other_down])
    difference = float(np.sum((ups.T @ ups) * (downs @ downs.T)))
    whole = factor**2 * float(np.sum((other_up.T @ other_up) * (other_down @ other_down.T)))
    return float(np.sqrt(max(difference, 0.0) / whole))
