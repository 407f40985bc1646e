"""Files that must be caught: dead, broken, cut off, of other names, for another model."""

from collections.abc import Callable

from kilnmark.keymaps.zoo import doubled, flaws
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.flaws import Tensors
from kilnmark.keymaps.zoo.recipes import Form, Recipe, TrainedEncoder
from kilnmark.keymaps.zoo.usual import CORE, diffusers, kohya
from kilnmark.protocol.picture.report import Verdict

__all__ = ["FLAWED"]


def _flawed(recipe: Recipe, **flawed: tuple[Verdict, Callable[[Tensors], Tensors]]) -> tuple[Exhibit, ...]:
    return tuple(
        Exhibit(name.replace("_", "-"), (recipe,), verdict=verdict, flaw=flaw)
        for name, (verdict, flaw) in flawed.items()
    )


_TE1 = TrainedEncoder.CLIP_KOHYA

FLAWED = (
    Exhibit(
        "mlx-examples-remapped-tiled",
        (kohya(alpha=None),),
        verdict=Verdict.REFUSED,
        flaw=flaws.tiled,
        writer="keymaps",
        source="slabgorb/orc-quest@7279580",
        tried="a file of mlx-examples, converted for mflux 0.13.0 to 0.18.1",
    ),
    *_flawed(
        diffusers(),
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
        kohya(),
        alpha_not_a_number=(Verdict.REFUSED, flaws.without_alpha_value),
        alpha_zero=(Verdict.ENGAGED, flaws.zero_alpha),
    ),
    *_flawed(
        diffusers(only=CORE, form=Form.OFT_PACKED),
        oft_at_rest=(Verdict.NOOP, flaws.at_rest),
        oft_not_a_number=(Verdict.REFUSED, flaws.not_a_turn),
        oft_of_half_the_blocks=(Verdict.REFUSED, flaws.half_the_blocks),
    ),
    Exhibit(
        "flux2-klein-9b-on-4b",
        (diffusers("flux2-bfl", "diffusion_model."),),
        "flux2-klein-4b",
        made_for="flux2-klein-9b",
        verdict=Verdict.REFUSED,
        tried="a file for FLUX.2-klein-9B on klein-4B",
    ),
    Exhibit(
        "te-on-zimage",
        (kohya(only="^$", encoders=(_TE1,)),),
        variant="z-image-turbo",
        made_for="dev",
        verdict=Verdict.NOOP,
        tried="CLIP alone, on a model that has none",
    ),
    Exhibit(
        "zimage-twice-otherwise",
        (kohya("z-image-diffusers", only="^layers"),),
        "z-image-turbo",
        verdict=Verdict.REFUSED,
        flaw=doubled.again_fused_otherwise,
        tried="Attention split and fused in one file, and the fused copies are 1.7 times as strong",
    ),
    Exhibit(
        "two-conventions-otherwise",
        (diffusers("flux1-bfl", "diffusion_model."),),
        verdict=Verdict.REFUSED,
        flaw=doubled.again_in_bare_names_turned,
    ),
    Exhibit(
        "first-of-two-parts",
        (diffusers(only=CORE),),
        verdict=Verdict.PARTIAL,
        file="adapter_model-00001-of-00002.safetensors",
        tried="The first of two files that one adapter is kept in",
    ),
    Exhibit(
        "flux2-on-dev",
        (kohya("flux2-bfl"),),
        made_for="flux2-klein-4b",
        verdict=Verdict.REFUSED,
        tried="A LoRA for FLUX.2-klein-4B on FLUX.1",
    ),
    Exhibit(
        "zimage-on-dev",
        (diffusers("z-image-diffusers"),),
        made_for="z-image-turbo",
        verdict=Verdict.REFUSED,
        tried="A LoRA for Z-Image-Turbo on FLUX.1",
    ),
    Exhibit("cut-off", (diffusers(),), verdict=Verdict.REFUSED, damage=flaws.cut_off),
    Exhibit("pickled", (diffusers(),), verdict=Verdict.REFUSED, damage=flaws.pickled),
)
