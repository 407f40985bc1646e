"""The row of Z-Image and Z-Image-Turbo: one text encoder, a Qwen3, and one stream of layers with refiners before it."""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Numbers, Part, Variant

__all__ = ["Z_IMAGE"]

_IDLE_LAYER = 35
"""The last of Qwen3; what it gives is not read."""

_QWEN3 = Encoder(
    attribute="qwen3_text_encoder",
    title="Qwen3",
    tokens=512,
    own=0,
    around=8,
    tokenizer="tokenizer",
    knows="<|im_start|>",
    shapes="qwen3_4b",
    read=_IDLE_LAYER,
)
"""Around a prompt stand the marks of a chat."""

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
_NUMBERS = Numbers(matrices=10_077_306_880, others=82_956_259)
_THIN_NUMBERS = Numbers(matrices=0, others=23_892_801)

_TURBO = Variant(
    name="z-image-turbo",
    family="z-image",
    width=1024,
    height=1024,
    steps=9,
    guidance=0.0,
    guided=False,
    init_image=True,
    encoders=(_QWEN3,),
    shapes="z-image-turbo",
    numbers=_NUMBERS,
    repository="Tongyi-MAI/Z-Image-Turbo",
    revision="f332072aa78be7aecdf3ee76d5c247082da564a6",
    licence="Apache 2.0",
    trained_as={"mflux": "z-image-turbo", "ai-toolkit": "zimage"},
    training_adapter="ostris/zimage_turbo_training_adapter/zimage_turbo_training_adapter_v2.safetensors",
)

Z_IMAGE = Family(
    name="z-image",
    title="Z-Image",
    engine="kilnmark.engine.families.z_image",
    variants=(
        _TURBO,
        msgspec.structs.replace(
            _TURBO,
            name="z-image",
            steps=50,
            guidance=4.0,
            guided=True,
            negative_prompt=True,
            repository="Tongyi-MAI/Z-Image",
            revision="04cc4abb7c5069926f75c9bfde9ef43d49423021",
            trained_as={"mflux": "z-image", "ai-toolkit": "zimage"},
            training_adapter="",
        ),
        msgspec.structs.replace(
            _TURBO,
            name="standin:z-image-turbo",
            width=128,
            height=128,
            steps=2,
            numbers=_THIN_NUMBERS,
            made_up=True,
            repository="",
            revision="",
            licence="",
            trained_as={},
            training_adapter="",
        ),
    ),
    parts=(
        Part(folder="transformer", marks=("all_x_embedder.", "noise_refiner.")),
        Part(folder="vae", unread=("quant_conv.", "post_quant_conv."), sees=("encoder.",)),
        Part(
            folder="text_encoder",
            unread=tuple(
                f"{wrapped}{name}"
                for wrapped in ("", "model.")
                for name in (f"layers.{_IDLE_LAYER}.", "norm.", "lm_head.")
            ),
        ),
    ),
    runs=tuple(BlockRun(name=name, path=f"{name}.") for name in ("layers", "noise_refiner", "context_refiner")),
    groups=(
        LayerGroup(title="attention", patterns=("layers.*.attention.*", "layers.*.attention_norm*")),
        LayerGroup(title="MLP", patterns=("layers.*.feed_forward.*", "layers.*.ffn_norm*")),
        LayerGroup(title="modulation", patterns=("layers.*.adaLN*", "all_final_layer.*.adaLN*")),
        LayerGroup(title="refiners", patterns=("noise_refiner.*", "context_refiner.*")),
        LayerGroup(title="embedders and output", patterns=("*embedder*", "all_final_layer.*")),
    ),
)
