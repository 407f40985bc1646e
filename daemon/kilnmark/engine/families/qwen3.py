"""What families that read prompts with Qwen3 have in common: its widths in a directory, and a tokenizer of bytes.

Whose classes compute it, and which of its layers are read, is the families' part. The tokenizer has the marks of a chat
and no merges, and is made of the library that transformers' own is made of, whose class would have each start of a
worker look for all its models.
"""

from collections.abc import Sequence
from typing import Any

from mlx import nn
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from kilnmark.engine.families.made_up import byte_letters
from kilnmark.engine.families.stored import StoredShapes

__all__ = ["QWEN3", "byte_tokenizer", "qwen3_sizes", "read_by_picture"]

QWEN3 = "qwen3_text_encoder"
"""What paths of its layers begin with."""

_PAD, *_TURNS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_WORDS = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)",
    r"[^\r\n\p{L}\p{N}]?\p{L}+",
    r"\p{N}",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
)
"""Endings after an apostrophe, letters with the sign before them, each digit alone, other signs, line ends, spaces."""
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)
"""The form of the chats that Qwen3 was trained on, with one message."""


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer over single bytes that knows the form of a chat, with `enable_thinking` or without."""
    words = [*byte_letters(), _PAD, *_TURNS]
    tokenizer = Tokenizer(BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(_WORDS)), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in (_PAD, *_TURNS)])
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=_PAD,
        eos_token=_PAD,
        pad_token=_PAD,
        additional_special_tokens=_TURNS,
    )
    made.chat_template = _CHAT
    return made


def read_by_picture(layers: Sequence[nn.Module]) -> nn.Module:
    """A module whose only children are these layers of a Qwen3: those that adapters can change to any effect."""
    read = nn.Module()
    read.layers = list(layers)
    return read


def qwen3_sizes(shapes: StoredShapes) -> dict[str, Any]:
    """The arguments that mflux's classes of it take, from the tensors of its folder.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    head = shapes.rows("layers.0.self_attn.q_norm.weight")
    return {
        "vocab_size": shapes.rows("embed_tokens.weight"),
        "hidden_size": shapes.rows("layers.0.input_layernorm.weight"),
        "num_hidden_layers": shapes.count("layers."),
        "num_attention_heads": shapes.rows("layers.0.self_attn.q_proj.weight") // head,
        "num_key_value_heads": shapes.rows("layers.0.self_attn.k_proj.weight") // head,
        "intermediate_size": shapes.rows("layers.0.mlp.gate_proj.weight"),
        "head_dim": head,
    }
