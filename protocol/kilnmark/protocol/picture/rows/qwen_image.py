"""The row of Qwen-Image-2.1: one stream in which a prompt never reads the picture, and the text tower of Qwen3-VL.

It is trained to be sampled without guidance, and takes it where there is a negative prompt.
"""

import msgspec

from kilnmark.protocol.picture.family import BlockRun, Encoder, Family, LayerGroup, Numbers, Part, Variant

__all__ = ["QWEN_IMAGE"]

_QWEN3_VL = Encoder(
    attribute="qwen3_vl_text_encoder",
    title="Qwen3-VL",
    tokens=2048,
    own=0,
    around=21,
    tokenizer="processor",
    knows="<|im_start|>",
)
"""Before a prompt stand the words of a system that is told to read it, and around it the marks of a chat."""

# Counted in what mflux 0.24 builds; `tests/engine/families` holds them to it.
# Quantizing leaves the text encoder as it is.
_NUMBERS = Numbers(matrices=7_115_112_448, others=7_899_404_980)
_THIN_NUMBERS = Numbers(matrices=0, others=26_857_409)
"""With the angles of its rotary embedding, which count beside so little."""

_WHOLE = Variant(
    name="qwen-image-2.1",
    family="qwen-image",
    width=1024,
    height=1024,
    steps=40,
    guidance=1.0,
    negative_prompt=True,
    needs_negative=True,
    init_image=True,
    encoders=(_QWEN3_VL,),
    shapes="qwen-image-2.1",
    numbers=_NUMBERS,
    repository="Qwen/Qwen-Image-2.1",
    revision="d26bb61231c349cf6b7896fa83353113880e1ba3",
    licence="Qwen Research",
)

QWEN_IMAGE = Family(
    name="qwen-image",
    title="Qwen-Image-2.1",
    engine="kilnmark.engine.families.qwen_image",
    variants=(
        _WHOLE,
        msgspec.structs.replace(
            _WHOLE,
            name="standin:qwen-image-2.1",
            width=128,
            height=128,
            steps=2,
            numbers=_THIN_NUMBERS,
            made_up=True,
            repository="",
            revision="",
            licence="",
        ),
    ),
    parts=(
        Part(folder="transformer", marks=("img_mlp.gate_layer.", "txt_in.text_norm.")),
        Part(folder="vae", sees=("encoder.", "quant_conv.")),
        Part(
            folder="text_encoder",
            unread=tuple(f"{wrapped}{name}" for wrapped in ("", "model.") for name in ("lm_head.", "visual.")),
            whole=True,
        ),
    ),
    runs=(BlockRun(name="blocks", path="transformer_blocks."),),
    groups=(
        LayerGroup(title="attention", patterns=("transformer_blocks.*.attn.*",)),
        LayerGroup(title="MLP", patterns=("transformer_blocks.*.img_mlp.*",)),
        LayerGroup(title="time and modulation", patterns=("time_text_embed.*", "modulation.*")),
        LayerGroup(title="input and output", patterns=("img_in", "txt_in.*", "norm_out.*", "proj_out")),
    ),
)
