"""The row of FLUX.3-klein: blocks for pictures, for reference pictures and for text, then one stream of all of them.

The distilled variant is told the time that a step goes to, and takes no guidance; the one that it was distilled from
takes it, away from an empty prompt and no other.
"""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Mark, Numbers, Part, Variant

__all__ = ["FLUX3"]

_READ_LAYERS, _LAYERS = 32, 36
"""Of Qwen3-VL, those whose output is read and those that are published."""

_QWEN3_VL = Encoder(
    attribute="qwen3_vl_text_encoder",
    title="Qwen3-VL",
    tokens=4096,
    own=0,
    around=8,
    tokenizer="text_encoder",
    knows="<|im_start|>",
)
"""Around a prompt stand the marks of a chat."""

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
_NUMBERS = Numbers(matrices=9_168_289_792, others=48_754_979)
_BASE_NUMBERS = Numbers(matrices=9_158_066_176, others=48_754_979)
_THIN_NUMBERS = Numbers(matrices=0, others=19_602_179)

_TARGET_TIME = Mark(text="target_timestep_embedder", title="the embedder of the time that a step goes to")

_KLEIN = Variant(
    name="flux3-klein",
    family="flux3",
    width=1024,
    height=1024,
    steps=16,
    guidance=0.0,
    guided=False,
    encoders=(_QWEN3_VL,),
    shapes="flux3-klein",
    numbers=_NUMBERS,
    has=(_TARGET_TIME,),
    repository="black-forest-labs/flux-3-image-klein",
    published=(
        *(
            f"{folder}/*.{ending}"
            for folder in ("vae", "transformer", "text_encoder")
            for ending in ("safetensors", "json")
        ),
        "text_encoder/tokenizer*",
        "text_encoder/vocab.json",
        "text_encoder/merges.txt",
        "text_encoder/chat_template.json",
        "text_encoder/chat_template.jinja",
    ),
    revision="8454017f9ebaada30c998fccd9f67a80c7580f68",
    licence="FLUX Kommunity",
    gated=True,
)

FLUX3 = Family(
    name="flux3",
    title="FLUX.3-klein",
    engine="kilnmark.engine.families.flux3",
    variants=(
        _KLEIN,
        msgspec.structs.replace(
            _KLEIN,
            name="flux3-klein-base",
            steps=50,
            guidance=3.5,
            guided=True,
            shapes="flux3-klein-base",
            numbers=_BASE_NUMBERS,
            has=(),
            lacks=(_TARGET_TIME,),
            repository="black-forest-labs/flux-3-image-klein-base",
            revision="1469d27cfb9bb1bd81d3a93f5a023b39dbf136e4",
        ),
        msgspec.structs.replace(
            _KLEIN,
            name="standin:flux3-klein",
            width=128,
            height=128,
            steps=2,
            numbers=_THIN_NUMBERS,
            has=(),
            made_up=True,
            repository="",
            published=(),
            revision="",
            licence="",
            gated=False,
        ),
    ),
    parts=(
        Part(folder="transformer", marks=("single_stream_modulations.image.", "txt_mode_blocks.")),
        Part(folder="vae", unread=("encoder.", "quant_conv.")),
        Part(
            folder="text_encoder",
            unread=tuple(
                f"{wrapped}{name}"
                for wrapped in ("", "model.", "model.language_model.")
                for name in (
                    *(f"layers.{layer}." for layer in range(_READ_LAYERS, _LAYERS)),
                    "norm.",
                    "lm_head.",
                    "visual.",
                )
            ),
        ),
    ),
    runs=(
        BlockRun(name="image", path="mode_blocks.image."),
        BlockRun(name="reference", path="mode_blocks.image_cond."),
        BlockRun(name="text", path="txt_mode_blocks."),
        BlockRun(name="single", path="single_transformer_blocks."),
    ),
    groups=(
        LayerGroup(title="blocks of pictures", patterns=("mode_blocks.image.*",)),
        LayerGroup(title="blocks of references", patterns=("mode_blocks.image_cond.*",)),
        LayerGroup(title="blocks of text", patterns=("txt_mode_blocks.*",)),
        LayerGroup(title="single blocks", patterns=("single_transformer_blocks.*",)),
        LayerGroup(title="modulation", patterns=("*_modulations.*", "norm_out.*")),
        LayerGroup(title="embedders and output", patterns=("*embedder*", "proj_out")),
    ),
)
