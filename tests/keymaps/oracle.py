"""What trainers' own arithmetic makes of their files, written out by hand: nothing here reads a convention's document.

Each `Writer` gives, for every target of a file, the module and the rows that it comes from, which stand in `lines`, a
model a module; `product` gives the factors of the update in float64.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tests.keymaps.lines.encoders import (
    comfyui_encoders,
    diffusers_and_clip,
    flat_klein_and_qwen3,
    flat_qwen3_of_z_image,
    klein_and_qwen3,
    kohya_and_both,
    kohya_and_te1,
    kohya_te1,
    onetrainer_encoders,
    qwen3_4b_of_comfyui,
    qwen3_8b_of_comfyui,
    qwen3_of_z_image,
)
from tests.keymaps.lines.flux1 import (
    flux1_all_bfl,
    flux1_all_diffusers,
    flux1_attention_only,
    flux1_bfl,
    flux1_diffusers,
    flux1_diffusers_core,
    flux1_fal,
    flux1_in_dims,
    flux1_mflux,
    flux1_mlx,
    flux1_xlabs,
    flux1_xlabs_single,
)
from tests.keymaps.lines.flux2 import flux2_all, flux2_bfl, flux2_diffusers
from tests.keymaps.lines.flux3 import flux3_all, flux3_all_diffusers, flux3_bfl, flux3_diffusers, flux3_single
from tests.keymaps.lines.krea2 import krea_all, krea_all_blocks, krea_all_diffusers, krea_blocks, krea_diffusers
from tests.keymaps.lines.line import Line
from tests.keymaps.lines.qwen_image import qwen_all, qwen_blocks, qwen_fused
from tests.keymaps.lines.z_image import z_image_all, z_image_fused, z_image_layers, z_image_modulated

Raw = Mapping[str, NDArray[np.float32]]

Wide = NDArray[np.float64]


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
