"""Who writes adapter files, and how names stand in theirs; each line from the trainer's own code.

kohya            kohya-ss/sd-scripts, commit 48d368fa, networks/lora_flux.py; kohya-ss/musubi-tuner
LyCORIS          KohakuBlueleaf/LyCORIS, commit f49d30d6; bghira/SimpleTuner, documentation/LYCORIS.md
ai-toolkit       ostris/ai-toolkit, commit 27a03a91, toolkit/lora_special.py and network_mixins.py
diffusers, PEFT  huggingface/diffusers, commit 58eb52c080, loaders/lora_pipeline.py; huggingface/peft,
                 utils/save_and_load.py
OneTrainer       Nerogar/OneTrainer, commit 23df3832, convert_lora_util.py and LoRASaverMixin.py
ComfyUI          Comfy-Org/ComfyUI, commit a125cd84, comfy/lora.py
x-flux           XLabs-AI/x-flux, commit 4749542, src/flux/modules/layers.py
mlx-examples     ml-explore/mlx-examples, commit c52cc748, flux/dreambooth.py
mflux            filipstrand/mflux, version 0.5 to 0.15, dreambooth lora_layers.save
fal              huggingface/diffusers, commit 58eb52c080, _convert_fal_kontext_lora_to_diffusers
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.trust.models import Model, Norm, Part, Unit

__all__ = ["WRITERS", "Writer"]

Naming = Callable[[Unit], Iterator[Unit]]
FLUX1, KLEIN, Z_IMAGE = ("dev", "schnell"), ("flux2-klein-4b",), ("z-image-turbo",)
EVERY = (*FLUX1, *KLEIN, *Z_IMAGE)
BLOCKS, AROUND = ("attn", "ff", "mod"), ("attn", "ff", "mod", "embed", "out")
KOHYA, PEFT = ("lora_down.weight", "lora_up.weight"), ("lora_A.weight", "lora_B.weight")
DOTTED = ("lora.down.weight", "lora.up.weight")
OF_LYCORIS = ("loha", "lokr", "full", "oft", "loha dora")
OF_PEFT = ("lora bias", "dora", "oft of inputs")


def as_made(unit: Unit) -> Iterator[Unit]:
    """The modules of the model's authors."""
    yield unit


def as_diffusers(unit: Unit) -> Iterator[Unit]:
    """One module a layer of diffusers'."""
    for part in unit.parts:
        yield replace(unit, name=part.name, parts=(part,), swapped=False)


def as_mflux(unit: Unit) -> Iterator[Unit]:
    for part in unit.parts:
        yield replace(unit, name=part.target, parts=(Part(part.target, part.target, part.rows),), swapped=False)


def as_mlx(unit: Unit) -> Iterator[Unit]:
    yield replace(unit, name=unit.name.replace("_mlp.", "_mlp.layers."))


_HALVES = {
    "img_attn.qkv": "qkv_lora1",
    "img_attn.proj": "proj_lora1",
    "txt_attn.qkv": "qkv_lora2",
    "txt_attn.proj": "proj_lora2",
}


def as_xlabs(unit: Unit) -> Iterator[Unit]:
    """Processors beside the attention of double blocks."""
    stack, block, name = unit.name.split(".", 2)
    if name in _HALVES:
        yield replace(unit, name=f"{stack}.{block}.processor.{_HALVES[name]}")


def as_parts(unit: Unit) -> Iterator[Unit]:
    """The layers of a fused module by their numbers: OneTrainer's OMI names (invoke-ai/InvokeAI#8984)."""
    if len(unit.parts) == 1:
        yield unit
    else:
        for place, part in enumerate(unit.parts):
            yield replace(unit, name=f"{unit.name}.{place}", parts=(part,))


def as_sformer(unit: Unit) -> Iterator[Unit]:
    """As some exports call FLUX.2's double blocks: huggingface/diffusers#13484."""
    for each in as_diffusers(unit):
        yield replace(each, name=re.sub("^transformer_blocks", "sformer_blocks", each.name))


def as_fused(unit: Unit) -> Iterator[Unit]:
    """Attention trained with its projections fused: bghira/SimpleTuner, --fuse_qkv_projections."""
    if len(unit.parts) == 1:
        yield from as_diffusers(unit)
        return
    stem, _, last = unit.parts[0].name.rpartition(".")
    name = "to_added_qkv" if last.startswith("add") else "to_qkv"
    yield replace(unit, name=f"{stem}.{name}", parts=unit.parts[:3])
    for part in unit.parts[3:]:
        yield replace(unit, name=part.name, parts=(part,))


@dataclass(frozen=True)
class Writer:
    """One trainer, or one of its habits.

    Attributes:
        name: For reports of this test.
        models: That it trains.
        naming: Modules as it has them.
        prefixes: One of them stands before every name.
        pair: Suffixes of down and up.
        flat: Dots of module names become underscores.
        tail: What ends every module's name.
        alpha: Where it says alpha: in a tensor, in PEFT's config in the metadata, in plain entries of it, in a config
            beside the file, or nowhere.
        kinds: Of updates that it knows besides plain pairs.
        groups: Of layers that it can train.
        encoders: Prefix of each text encoder that it can train too.
        norms: Suffix of norms' scales, where it trains them.
        magnitude: Suffix of DoRA's magnitudes; empty for the usual one of its pairs.
        convolved: Pairs stand as convolutions of one pixel.
        idle: It writes zeros for biases that it leaves alone.
        metadata: Whose entries stand in the header.
        zero_is_rank: An alpha of zero means the rank.
        transposed: Pairs are stored the other way round.
    """

    name: str
    models: tuple[str, ...]
    naming: Naming
    prefixes: tuple[str, ...]
    pair: tuple[str, str] = PEFT
    flat: bool = False
    tail: str = ""
    alpha: tuple[str, ...] = ("none",)
    kinds: tuple[str, ...] = ()
    groups: tuple[str, ...] = BLOCKS
    encoders: Mapping[str, str] = field(default_factory=dict)
    norms: str = ""
    magnitude: str = ""
    convolved: bool = False
    idle: bool = False
    metadata: str = "none"
    zero_is_rank: bool = False
    transposed: bool = False

    def written(self, prefix: str, name: str) -> str:
        return prefix + (name.replace(".", "_") if self.flat else name) + self.tail

    def norm_name(self, norm: Norm) -> str:
        return norm.name if self.naming is as_made else norm.theirs

    def units(self, model: Model) -> Iterator[Unit]:
        """All modules that it can train of a model's transformer."""
        for unit in model.units:
            if unit.group in self.groups:
                yield from self.naming(unit)


_KOHYA_ENCODERS = {"clip": "lora_te1_", "t5": "lora_te3_", "qwen3": "lora_te_"}
_DOTTED = {
    "clip": "text_encoders.clip_l.transformer.",
    "t5": "text_encoders.t5xxl.transformer.",
    "qwen3": "text_encoders.qwen3_4b.transformer.model.",
}

_KOHYA = Writer(
    "kohya",
    EVERY,
    as_made,
    ("lora_unet_",),
    KOHYA,
    flat=True,
    alpha=("tensor",),
    kinds=("diagonal", "dora"),
    groups=(*BLOCKS, "embed"),
    encoders=_KOHYA_ENCODERS,
    metadata="kohya",
    zero_is_rank=True,
)

WRITERS = (
    _KOHYA,
    replace(_KOHYA, name="kohya, no alpha", alpha=("none",)),
    replace(_KOHYA, name="LyCORIS on kohya", kinds=OF_LYCORIS, norms="w_norm"),
    replace(_KOHYA, name="pairs as convolutions", kinds=(), encoders={}, convolved=True),
    replace(_KOHYA, name="musubi-tuner", models=Z_IMAGE, naming=as_diffusers, kinds=()),
    Writer(
        "LyCORIS",
        EVERY,
        as_diffusers,
        ("lycoris_",),
        KOHYA,
        flat=True,
        alpha=("tensor",),
        kinds=OF_LYCORIS,
        zero_is_rank=True,
    ),
    Writer("ai-toolkit", FLUX1, as_diffusers, ("transformer.",), norms="diff", metadata="ai-toolkit"),
    Writer(
        "ai-toolkit, DoRA",
        FLUX1,
        as_diffusers,
        ("transformer.",),
        kinds=("dora",),
        magnitude="magnitude",
        metadata="ai-toolkit",
    ),
    Writer(
        "ai-toolkit, LoKr",
        FLUX1,
        as_diffusers,
        ("transformer.",),
        alpha=("tensor",),
        kinds=("lokr",),
        metadata="ai-toolkit",
    ),
    Writer("ai-toolkit, others", KLEIN, as_made, ("diffusion_model.",), metadata="ai-toolkit"),
    Writer("ai-toolkit, Z-Image", Z_IMAGE, as_diffusers, ("diffusion_model.",), metadata="ai-toolkit"),
    Writer(
        "diffusers",
        EVERY,
        as_diffusers,
        ("transformer.",),
        alpha=("none", "metadata", "entries"),
        kinds=OF_PEFT,
        groups=AROUND,
        encoders={"clip": "text_encoder.", "qwen3": "text_encoder.model."},
    ),
    Writer("diffusers, alpha", FLUX1, as_diffusers, ("transformer.",), alpha=("tensor",), groups=AROUND),
    Writer("diffusers, down and up", FLUX1, as_diffusers, ("transformer.",), KOHYA, alpha=("tensor", "none")),
    Writer(
        "PEFT",
        EVERY,
        as_diffusers,
        ("", "base_model.model.", "transformer.base_model.model."),
        alpha=("none", "metadata", "config"),
        kinds=OF_PEFT,
        groups=AROUND,
    ),
    Writer(
        "PEFT, adapter's name left",
        EVERY,
        as_diffusers,
        ("",),
        ("lora_A.default.weight", "lora_B.default.weight"),
    ),
    Writer(
        "OneTrainer, legacy",
        FLUX1,
        as_diffusers,
        ("lora_transformer_",),
        KOHYA,
        flat=True,
        alpha=("tensor",),
        kinds=("dora", "loha", "dora of inputs"),
        groups=AROUND,
        encoders={"clip": "lora_te1_", "t5": "lora_te2_"},
        metadata="onetrainer",
    ),
    Writer(
        "OneTrainer, ComfyUI",
        EVERY,
        as_made,
        ("diffusion_model.",),
        alpha=("tensor",),
        kinds=("oft of inputs",),
        groups=AROUND,
        encoders=_DOTTED,
        metadata="onetrainer",
    ),
    Writer("OneTrainer, original", (*FLUX1, *KLEIN), as_made, ("",), alpha=("tensor",), metadata="onetrainer"),
    Writer(
        "ComfyUI",
        EVERY,
        as_made,
        ("diffusion_model.",),
        KOHYA,
        alpha=("tensor", "none"),
        kinds=("diff_b", "full", "diagonal"),
        groups=AROUND,
        norms="diff",
        idle=True,
    ),
    Writer("fal", FLUX1, as_made, ("base_model.model.",), groups=(*BLOCKS, "out")),
    Writer("x-flux", FLUX1, as_xlabs, ("", "diffusion_model."), ("down.weight", "up.weight"), groups=("attn",)),
    Writer(
        "mlx-examples",
        FLUX1,
        as_mlx,
        ("",),
        ("lora_a", "lora_b"),
        metadata="mlx-examples",
        transposed=True,
    ),
    Writer("mflux", FLUX1, as_mflux, ("transformer.",), ("lora_A", "lora_B"), metadata="mflux"),
    Writer(
        "diffusers' names flattened",
        (*FLUX1, *KLEIN),
        as_diffusers,
        ("lora_unet_",),
        KOHYA,
        flat=True,
        alpha=("tensor",),
    ),
    # kohya-ss/sd-scripts#1463, Comfy-Org/ComfyUI#4347
    Writer(
        "TheLastBen",
        FLUX1,
        as_diffusers,
        ("lora_unet_",),
        KOHYA,
        flat=True,
        tail="_",
        alpha=("tensor",),
        groups=AROUND,
    ),
    # camenduru/flux-jupyter#16
    Writer(
        "flattened below transformer",
        FLUX1,
        as_diffusers,
        ("transformer_",),
        KOHYA,
        flat=True,
        alpha=("tensor",),
    ),
    Writer("OneTrainer, OMI", FLUX1, as_parts, ("transformer.",), KOHYA, alpha=("tensor",), metadata="onetrainer"),
    # bghira/SimpleTuner#2032 and #779
    Writer(
        "SimpleTuner for ComfyUI",
        FLUX1,
        as_diffusers,
        ("diffusion_model.",),
        alpha=("tensor",),
        groups=("attn", "ff"),
    ),
    Writer("SimpleTuner, old", FLUX1, as_diffusers, ("transformer.base_model.model.",), DOTTED),
    Writer("diffusers before PEFT", FLUX1, as_diffusers, ("transformer.",), DOTTED),
    # FireRedTeam/LayerDiffuse-Flux#8, AMAP-ML/FluxText#8, kohya-ss/sd-scripts#1024
    Writer(
        "PEFT, an adapter's name",
        FLUX1,
        as_diffusers,
        ("", "transformer."),
        ("lora_A.default_0.weight", "lora_B.default_0.weight"),
    ),
    Writer("a compiled model", EVERY, as_diffusers, ("transformer._orig_mod.",)),
    Writer("fal", KLEIN, as_sformer, ("diffusion_model.",)),
    # invoke-ai/InvokeAI, z_image_lora_conversion_utils.py
    Writer(
        "two underscores",
        Z_IMAGE,
        as_diffusers,
        ("lora_unet__",),
        KOHYA,
        flat=True,
        alpha=("tensor",),
        zero_is_rank=True,
    ),
    Writer(
        "PEFT of a pipeline",
        Z_IMAGE,
        as_diffusers,
        ("base_model.model.transformer.",),
        encoders={"qwen3": "base_model.model.text_encoder."},
    ),
    Writer("fused projections", FLUX1, as_fused, ("transformer.",)),
)
