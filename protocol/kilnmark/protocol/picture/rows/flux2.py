"""The row of FLUX.2-klein: one text encoder, a Qwen3, and a transformer whose single blocks have fused layers.

The distilled variants take no guidance; those they were distilled from take it, and a negative prompt. `mini` is the
program's own: small, trained on drawings of its own, and part of the installation.
"""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Mark, Numbers, Part, Variant

__all__ = ["FLUX2"]

_READ_LAYERS, _LAYERS = 27, 36
"""Of Qwen3, those whose output is read and those that are published."""

_QWEN3_4B = Encoder(
    attribute="qwen3_text_encoder",
    title="Qwen3",
    tokens=512,
    own=0,
    around=12,
    tokenizer="tokenizer",
    knows="<|im_start|>",
    shapes="qwen3_4b",
    read=_READ_LAYERS,
)
"""Around a prompt stand the marks of a chat, and an empty thought."""
_QWEN3_8B = msgspec.structs.replace(_QWEN3_4B, shapes="qwen3_8b")
_QWEN3_MINI = msgspec.structs.replace(_QWEN3_4B, shapes="qwen3_mini", around=0)

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
_4B_NUMBERS = Numbers(matrices=6_991_577_088, others=82_102_051)
_9B_NUMBERS = Numbers(matrices=14_912_323_584, others=82_187_555)
_MINI_NUMBERS = Numbers(matrices=3_066_880, others=882_835)
_THIN_4B_NUMBERS = Numbers(matrices=0, others=14_848_387)
_THIN_9B_NUMBERS = Numbers(matrices=0, others=22_309_251)

_ATTENTION = Mark(text="decoder.mid_block.attentions.", title="attention in its VAE's decoder")
_LARGE = Mark(text="single_transformer_blocks.20.", title="more than 20 single blocks")
_LARGER = Mark(text="single_transformer_blocks.24.", title="more than 24 single blocks")
_EMBEDDER = Mark(text="guidance_embedder", title="the embedder that reads guidance, as FLUX.2-dev has")

_4B = Variant(
    name="flux2-klein-4b",
    family="flux2",
    width=1024,
    height=1024,
    steps=4,
    guidance=0.0,
    guided=False,
    init_image=True,
    reference_images=4,
    encoders=(_QWEN3_4B,),
    shapes="flux2-klein-4b",
    numbers=_4B_NUMBERS,
    has=(_ATTENTION,),
    lacks=(_LARGE, _EMBEDDER),
    repository="black-forest-labs/FLUX.2-klein-4B",
    revision="e7b7dc27f91deacad38e78976d1f2b499d76a294",
    licence="Apache 2.0",
    trained_as={"mflux": "flux2-klein-4b"},
)
_9B = msgspec.structs.replace(
    _4B,
    name="flux2-klein-9b",
    encoders=(_QWEN3_8B,),
    shapes="flux2-klein-9b",
    numbers=_9B_NUMBERS,
    has=(_ATTENTION, _LARGE),
    lacks=(_LARGER, _EMBEDDER),
    repository="black-forest-labs/FLUX.2-klein-9B",
    revision="92196c8e11f7b6cf2b7493e037d8c5345c559216",
    licence="FLUX Non-Commercial",
    gated=True,
    trained_as={"mflux": "flux2-klein-9b"},
)
_MINI = msgspec.structs.replace(
    _4B,
    name="mini",
    width=128,
    height=128,
    reference_images=0,  # it was trained without any
    encoders=(_QWEN3_MINI,),
    shapes="mini",
    numbers=_MINI_NUMBERS,
    has=(),
    lacks=(_ATTENTION,),
    repository="",
    revision="",
    licence="MIT",
    shipped="models/mini",
    trained_as={"mflux": "mini"},
)


def _base(distilled: Variant, revision: str) -> Variant:
    """What a variant was distilled from: the same layers, told by its name alone."""
    name, repository = (each.replace("klein", "klein-base") for each in (distilled.name, distilled.repository))
    size = name.rpartition("-")[2]
    return msgspec.structs.replace(
        distilled,
        name=name,
        repository=repository,
        revision=revision,
        steps=50,
        guidance=4.0,
        guided=True,
        negative_prompt=True,
        trained_as={"mflux": name, "ai-toolkit": f"flux2_klein_{size}"},
    )


def _standin(real: Variant, numbers: Numbers) -> Variant:
    small = {"width": 128, "height": 128, "steps": 2, "numbers": numbers}
    unpublished = {"has": (), "lacks": (), "repository": "", "revision": "", "licence": "", "gated": False}
    name = f"standin:{real.name}"
    return msgspec.structs.replace(real, name=name, made_up=True, trained_as={}, **small, **unpublished)


FLUX2 = Family(
    name="flux2",
    title="FLUX.2-klein",
    engine="kilnmark.engine.families.flux2",
    variants=(
        _4B,
        _9B,
        _base(_4B, "a3b4f4849157f664bdbc776fd7453c2783562f4d"),
        _base(_9B, "32773329fbe7e81a90ef971740e8ba4b0364ecf3"),
        _standin(_4B, _THIN_4B_NUMBERS),
        _standin(_9B, _THIN_9B_NUMBERS),
        _MINI,
    ),
    parts=(
        Part(folder="transformer", marks=("single_transformer_blocks.", "double_stream_modulation_img.")),
        Part(folder="vae", sees=("encoder.", "quant_conv.")),
        Part(
            folder="text_encoder",
            unread=(
                "lm_head.",
                *(f"{wrapped}layers.{layer}." for wrapped in ("", "model.") for layer in range(_READ_LAYERS, _LAYERS)),
            ),
        ),
    ),
    beside=("added_tokens.json", "chat_template.jinja"),
    runs=(
        BlockRun(name="double", path="transformer_blocks."),
        BlockRun(name="single", path="single_transformer_blocks."),
    ),
    groups=(
        LayerGroup(title="double attention", patterns=("transformer_blocks.*.attn.*",)),
        LayerGroup(title="double MLP", patterns=("transformer_blocks.*.ff*",)),
        LayerGroup(title="single blocks", patterns=("single_transformer_blocks.*",)),
        LayerGroup(title="modulation", patterns=("*_modulation*", "norm_out.*")),
        LayerGroup(title="embedders and output", patterns=("*embed*", "proj_out")),
    ),
)
