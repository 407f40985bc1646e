"""Text encoders by hand: how each trainer names their layers, alone and beside a model.

Nothing here reads a convention's document.
"""

from collections.abc import Iterator

from tests.keymaps.lines.flux1 import flux1_bfl, flux1_diffusers_core
from tests.keymaps.lines.flux2 import flux2_diffusers
from tests.keymaps.lines.line import Line
from tests.keymaps.lines.qwen_image import QWEN3_ENDS

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
