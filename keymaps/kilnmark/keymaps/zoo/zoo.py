"""The zoo: adapter files in every convention that trainers and exporters write, and with every defect, made to measure.

They are fakes with random weights and say so in their metadata. The same arguments give the same bytes.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo import flaws
from kilnmark.keymaps.zoo.flaws import Tensors
from kilnmark.keymaps.zoo.recipes import Form, Recipe, TrainedEncoder, tensors_of
from kilnmark.keymaps.zoo.write import StoredAs, write_tensors
from kilnmark.protocol.picture.report import Verdict

__all__ = ["EXHIBITS", "Exhibit", "write_exhibit"]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One file of the zoo.

    Attributes:
        name: Its trainer, exporter or defect.
        recipes: What is in it; two for a file that mixes two conventions.
        variant: The model it is tried on.
        made_for: The model it is made for; empty for the same.
        verdict: What a right reader says of it at scale 1.
        flaw: What is wrong with its tensors.
        damage: What is wrong with its bytes.
    """

    name: str
    recipes: tuple[Recipe, ...]
    variant: str = "dev"
    made_for: str = ""
    verdict: Verdict = Verdict.ENGAGED
    flaw: Callable[[Tensors], Tensors] | None = None
    damage: Callable[[bytes], bytes] | None = None


def write_exhibit(
    path: AnyPath, exhibit: Exhibit, *, rank: int = 2, blocks: int | None = None, seed: int = 0, dtype: StoredAs = "F32"
) -> Path:
    """Write one file.

    Args:
        path: Where to; an existing file is replaced.
        exhibit: One of `EXHIBITS`.
        rank: Of every update; of every block of a block-diagonal one.
        blocks: Only the first so many blocks of each type; None means all.
        seed: Of the random numbers.
        dtype: How the matrices are stored.

    Returns:
        The path.
    """
    shapes = load_shapes(exhibit.made_for or exhibit.variant)
    numbers = np.random.default_rng([seed, zlib.crc32(exhibit.name.encode())])
    tensors: Tensors = dict(
        pair for recipe in exhibit.recipes for pair in tensors_of(recipe, shapes, rank, blocks, numbers)
    )
    if exhibit.flaw:
        tensors = exhibit.flaw(tensors)
    metadata = {"format": "pt", "kilnmark": f"{exhibit.name} of the zoo: random weights, not trained"}
    written = write_tensors(path, tensors, metadata=metadata, dtype=dtype)
    if exhibit.damage:
        written.write_bytes(exhibit.damage(written.read_bytes()))
    return written


_KOHYA = ("lora_down.weight", "lora_up.weight")
_CORE = r"attn\.|\.ff"
"""The modules that most trainers on diffusers' names change: attention and feed-forward of blocks."""


def _kohya(
    table: str = "flux1-bfl",
    *,
    prefix: str = "lora_unet_",
    only: str = "block",
    alpha: float | None = 1.0,
    form: Form = Form.PAIR,
    encoders: tuple[TrainedEncoder, ...] = (),
) -> Recipe:
    """Flattened names with an alpha tensor."""
    return Recipe(table, prefix, *_KOHYA, separator="_", only=only, alpha=alpha, form=form, encoders=encoders)


def _diffusers(
    table: str = "flux1-diffusers",
    prefix: str = "transformer.",
    only: str = "block",
    form: Form = Form.PAIR,
    alpha: float | None = None,
) -> Recipe:
    return Recipe(table, prefix, only=only, form=form, alpha=alpha)


def _down_up(
    table: str,
    prefix: str,
    *,
    only: str = "block",
    alpha: float | None = None,
    encoders: tuple[TrainedEncoder, ...] = (),
) -> Recipe:
    """Names with dots, and kohya's matrices."""
    return Recipe(table, prefix, *_KOHYA, only=only, alpha=alpha, encoders=encoders)


def _of(variant: Literal["dev", "flux2-klein-4b", "z-image-turbo"], **recipes: Recipe) -> tuple[Exhibit, ...]:
    return tuple(Exhibit(name.replace("_", "-"), (recipe,), variant) for name, recipe in recipes.items())


def _flawed(recipe: Recipe, **flawed: tuple[Verdict, Callable[[Tensors], Tensors]]) -> tuple[Exhibit, ...]:
    return tuple(
        Exhibit(name.replace("_", "-"), (recipe,), verdict=verdict, flaw=flaw)
        for name, (verdict, flaw) in flawed.items()
    )


_MLX = Recipe("mlx-examples", "", "lora_a", "lora_b", transposed=True)
_TE1, _TE2, _TE3 = TrainedEncoder.CLIP_KOHYA, TrainedEncoder.T5_ONETRAINER, TrainedEncoder.T5_KOHYA
_TE_PEFT, _TE_COMFY, _TE3_COMFY = TrainedEncoder.CLIP_PEFT, TrainedEncoder.CLIP_COMFYUI, TrainedEncoder.T5_COMFYUI
_PEFT_TE = Recipe("flux1-diffusers", "transformer.", only=_CORE, encoders=(_TE_PEFT,))
_Z_COMFYUI = r"^layers.*(attention|feed)"

_FLUX1 = _of(
    "dev",
    mlx_examples_raw=_MLX,
    mlx_examples_remapped=_kohya(alpha=None),
    kohya=_kohya(),
    kohya_te1=_kohya(encoders=(_TE1,)),
    kohya_te1_te3=_kohya(encoders=(_TE1, _TE3)),
    kohya_split_qkv=_kohya(form=Form.BLOCKS),
    draw_things=_kohya(form=Form.BLOCKS, alpha=0),
    kohya_in_dims=_kohya(only="block|_in"),
    ai_toolkit=_diffusers(),
    replicate_ostris=_diffusers(),
    diffusers_peft=_diffusers(only=_CORE),
    diffusers_peft_te=_PEFT_TE,
    diffusers_all_linear=_diffusers(only=""),
    diffusers_alpha=_diffusers(alpha=1.0),
    diffusers_down_up=_down_up("flux1-diffusers", "transformer.", alpha=1.0),
    peft_unprefixed=_diffusers(prefix=""),
    peft_default_adapter=Recipe("flux1-diffusers", "", "lora_A.default.weight", "lora_B.default.weight"),
    peft_base_model=_diffusers(prefix="base_model.model."),
    simpletuner_old=_diffusers(prefix="transformer.base_model.model.", only=_CORE),
    onetrainer_legacy=_kohya("flux1-diffusers", prefix="lora_transformer_", only=""),
    onetrainer_comfy=_diffusers("flux1-bfl", "diffusion_model.", alpha=1.0),
    onetrainer_original=_diffusers("flux1-bfl", "", alpha=1.0),
    comfy_bfl=_down_up("flux1-bfl", "diffusion_model."),
    comfy_bfl_all=_down_up("flux1-bfl", "diffusion_model.", only=""),
    comfy_xlabs_realism=_down_up("flux1-bfl", "diffusion_model.", only="(img|txt)_attn"),
    fal_kontext=_diffusers("flux1-bfl", "base_model.model.", only=r"block|final_layer\.linear"),
    fal_flux_lora=_diffusers(only=_CORE),
    xlabs=Recipe("xlabs", "", "down.weight", "up.weight", only="double"),
    xlabs_single=Recipe("xlabs", "", "down.weight", "up.weight", only="single"),
    lora_unet_diffusers=_kohya("flux1-diffusers"),
    mflux_train_old=Recipe("flux1-mflux", "transformer.", "lora_A", "lora_B"),
)

_MIXED = (Exhibit("mixed-peft-kohya", (_diffusers(), _kohya(alpha=1.0))),)

_TEXT_ONLY = _of(
    "dev",
    te_only=_kohya(only="^$", encoders=(_TE1,)),
    te2_only=_kohya("flux1-diffusers", prefix="lora_transformer_", only="^$", encoders=(_TE1, _TE2)),
    te_comfy_only=_down_up("flux1-bfl", "diffusion_model.", only="^$", encoders=(_TE_COMFY, _TE3_COMFY)),
)

_OTHER_KINDS = _of(
    "dev",
    kohya_dora=_kohya(form=Form.DORA),
    kohya_lokr_bfl=_kohya(form=Form.LOKR),
    kohya_loha_bfl=_kohya(form=Form.LOHA),
    ai_toolkit_lokr=_diffusers(form=Form.LOKR, alpha=1.0),
    ai_toolkit_lokr_old=_kohya("flux1-diffusers", prefix="lycoris_", form=Form.LOKR),
    peft_dora=_diffusers(only=_CORE, form=Form.DORA),
    simpletuner_lokr=_kohya("flux1-diffusers", prefix="lycoris_", only=_CORE, form=Form.LOKR),
    simpletuner_lokr_lowrank=_kohya("flux1-diffusers", prefix="lycoris_", only=_CORE, form=Form.LOKR_FACTORED),
)

_AROUND = r"^(img_in|\w+_in\.in_layer|final_layer\.linear)$"

_BEYOND_PAIRS = (
    *_of(
        "dev",
        bfl_control=Recipe("flux1-bfl", form=Form.BIAS, norms="scale"),
        diffusers_control=Recipe("flux1-diffusers", "transformer.", only=_CORE, form=Form.BIAS, norms="weight"),
        lycoris_norms=Recipe("flux1-diffusers", "lycoris_", *_KOHYA, "_", only=_CORE, alpha=1.0, norms="w_norm"),
    ),
    Exhibit(
        "comfy-extracted",
        (
            Recipe("flux1-bfl", "diffusion_model.", *_KOHYA, form=Form.DIFF_B),
            Recipe("flux1-bfl", "diffusion_model.", only=_AROUND, form=Form.FULL),
        ),
    ),
)
"""Biases, norms and whole changes of weights."""

_ROTATIONS = _of(
    "dev",
    kohya_oft=_kohya(prefix="oft_unet_", alpha=1e-3, form=Form.OFT_PARTS),
    kohya_lycoris_oft=_kohya(alpha=1e-3, form=Form.OFT),
    simpletuner_boft=_kohya(
        "flux1-diffusers", prefix="lycoris_", only=r"single.*attn\.to_q", alpha=1e-3, form=Form.BOFT
    ),
    onetrainer_oft=_diffusers(only=_CORE, form=Form.OFT_PACKED),
)

_FLUX2 = _of(
    "flux2-klein-4b",
    flux2_ai_toolkit=_diffusers("flux2-bfl", "diffusion_model."),
    flux2_comfy_down_up=_down_up("flux2-bfl", "diffusion_model.", alpha=0),
    flux2_all=_diffusers("flux2-bfl", "diffusion_model.", only=""),
    flux2_diffusers=_diffusers("flux2-diffusers"),
    flux2_kohya=_kohya("flux2-bfl"),
)

_Z_IMAGE = _of(
    "z-image-turbo",
    zimage_ai_toolkit=_diffusers("z-image-diffusers", "diffusion_model.", only="^layers"),
    zimage_diffusers=_diffusers("z-image-diffusers", only=_Z_COMFYUI),
    zimage_all=_diffusers("z-image-diffusers", only=""),
    zimage_kohya=_kohya("z-image-diffusers", only="^layers"),
    zimage_comfy_fused=_down_up("z-image-comfyui", "diffusion_model.", only=_Z_COMFYUI, alpha=1.0),
    zimage_comfy_fused_ab=_diffusers("z-image-comfyui", "diffusion_model.", only=_Z_COMFYUI, alpha=1.0),
)

_FLAWED = (
    *_flawed(_kohya(alpha=None), mlx_examples_remapped_tiled=(Verdict.REFUSED, flaws.tiled)),
    *_flawed(
        _diffusers(),
        dead_weights=(Verdict.NOOP, flaws.dead),
        one_dead_layer=(Verdict.PARTIAL, flaws.one_dead),
        unknown_names=(Verdict.NOOP, flaws.unknown),
        half_unknown=(Verdict.PARTIAL, flaws.half_unknown),
        not_a_number=(Verdict.REFUSED, flaws.not_a_number),
        infinite=(Verdict.REFUSED, flaws.infinite),
        missing_half=(Verdict.REFUSED, flaws.missing_half),
        of_other_rank=(Verdict.REFUSED, flaws.of_other_rank),
        said_twice=(Verdict.REFUSED, flaws.said_twice),
        copied_in_part=(Verdict.REFUSED, flaws.copied_in_part),
    ),
    *_flawed(
        _kohya(),
        alpha_not_a_number=(Verdict.REFUSED, flaws.without_alpha_value),
        alpha_zero=(Verdict.ENGAGED, flaws.zero_alpha),
    ),
    *_flawed(
        _diffusers(only=_CORE, form=Form.OFT_PACKED),
        oft_at_rest=(Verdict.NOOP, flaws.at_rest),
        oft_not_a_number=(Verdict.REFUSED, flaws.not_a_turn),
        oft_of_half_the_blocks=(Verdict.REFUSED, flaws.half_the_blocks),
    ),
    Exhibit(
        "te-on-zimage",
        (_kohya(only="^$", encoders=(_TE1,)),),
        variant="z-image-turbo",
        made_for="dev",
        verdict=Verdict.NOOP,
    ),
    Exhibit("flux2-on-dev", (_kohya("flux2-bfl"),), made_for="flux2-klein-4b", verdict=Verdict.REFUSED),
    Exhibit("zimage-on-dev", (_diffusers("z-image-diffusers"),), made_for="z-image-turbo", verdict=Verdict.REFUSED),
    Exhibit("cut-off", (_diffusers(),), verdict=Verdict.REFUSED, damage=flaws.cut_off),
    Exhibit("pickled", (_diffusers(),), verdict=Verdict.REFUSED, damage=flaws.pickled),
)

EXHIBITS = (*_FLUX1, *_MIXED, *_TEXT_ONLY, *_OTHER_KINDS, *_BEYOND_PAIRS, *_ROTATIONS, *_FLUX2, *_Z_IMAGE, *_FLAWED)
"""Healthy ones first, convention by convention; then the defects."""
