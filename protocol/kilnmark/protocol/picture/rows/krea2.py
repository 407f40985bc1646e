"""The row of Krea 2: one stream of blocks with grouped queries, and a text encoder that is read at twelve depths.

Turbo is distilled and takes no guidance; Raw, which it was distilled from and adapters are trained on, takes it.
"""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Numbers, Part, Variant

__all__ = ["KREA2"]

_IDLE_LAYER = 35
"""The last of Qwen3-VL; what it gives is not read."""

_QWEN3_VL = Encoder(
    attribute="qwen3_vl_text_encoder",
    title="Qwen3-VL",
    tokens=1024,
    own=0,
    around=39,
    tokenizer="tokenizer",
    knows="<|im_start|>",
)
"""Before a prompt stand 34 tokens that tell to describe a picture, and behind it the marks of a chat."""

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
# Quantizing leaves the text encoder as it is.
_NUMBERS = Numbers(matrices=12_818_579_456, others=4_049_810_047)
_THIN_NUMBERS = Numbers(matrices=0, others=28_747_999)

_SHARED_FILES = (
    "vae/*.safetensors",
    "vae/*.json",
    "text_encoder/*.safetensors",
    "text_encoder/*.json",
    "tokenizer/*",
    "added_tokens.json",
    "chat_template.jinja",
)

_TURBO = Variant(
    name="krea-2",
    family="krea-2",
    width=1024,
    height=1024,
    steps=8,
    guidance=0.0,
    guided=False,
    init_image=True,
    encoders=(_QWEN3_VL,),
    shapes="krea-2",
    numbers=_NUMBERS,
    repository="krea/Krea-2-Turbo",
    published=("turbo.safetensors", *_SHARED_FILES),
    revision="98e0fe118d17c9e3547fbb2e25acdbae2cadf7c7",
    licence="Krea 2 Community",
    gated=True,
    trained_as={"mflux": "krea-2", "ai-toolkit": "krea2"},
    training_adapter="ostris/krea2_turbo_training_adapter/krea2_turbo_training_adapter_v1.safetensors",
)

KREA2 = Family(
    name="krea-2",
    title="Krea 2",
    engine="kilnmark.engine.families.krea2",
    variants=(
        _TURBO,
        msgspec.structs.replace(
            _TURBO,
            name="krea-2-raw",
            steps=52,
            guidance=3.5,
            guided=True,
            negative_prompt=True,
            repository="krea/Krea-2-Raw",
            published=("transformer/*.safetensors", "transformer/*.json", "model_index.json", *_SHARED_FILES),
            revision="6b0ece7fffb640c5e3bcbe0a7f10f66b8e60a603",
            trained_as={"mflux": "krea-2-raw", "ai-toolkit": "krea2"},
            training_adapter="",
        ),
        msgspec.structs.replace(
            _TURBO,
            name="standin:krea-2",
            width=128,
            height=128,
            steps=2,
            numbers=_THIN_NUMBERS,
            made_up=True,
            repository="",
            published=(),
            revision="",
            licence="",
            gated=False,
            trained_as={},
            training_adapter="",
        ),
    ),
    parts=(
        Part(
            folder="transformer",
            marks=("fusion.projector.", "fusion.layerwise_blocks."),
            files=("turbo.safetensors", "raw.safetensors", "transformer/*.safetensors", "*.safetensors"),
        ),
        Part(folder="vae", sees=("encoder.", "quant_conv.")),
        Part(
            folder="text_encoder",
            unread=tuple(
                f"{wrapped}{name}"
                for wrapped in ("", "model.", "language_model.", "model.language_model.")
                for name in (f"layers.{_IDLE_LAYER}.", "norm.", "lm_head.", "visual.")
            ),
            whole=True,
        ),
    ),
    runs=(
        BlockRun(name="blocks", path="blocks."),
        BlockRun(name="layerwise", path="txtfusion.layerwise_blocks."),
        BlockRun(name="refiner", path="txtfusion.refiner_blocks."),
    ),
    groups=(
        LayerGroup(title="attention", patterns=("blocks.*.attn.*",)),
        LayerGroup(title="MLP", patterns=("blocks.*.mlp.*",)),
        LayerGroup(title="text fusion", patterns=("txtfusion.*", "txtmlp.*")),
        LayerGroup(title="time and modulation", patterns=("tmlp.*", "tproj.*")),
        LayerGroup(title="input and output", patterns=("first", "last.*")),
    ),
)
