"""Qwen3's tokenizer over the bytes of a prompt, for standins of the families that read prompts with that encoder.

It has the marks of a chat and no merges; what a family's own library does with tokens is not known here. It is made of
the library that transformers' own is made of, whose class would have each start of a worker look for all its models.
"""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from kilnmark.engine.families.made_up import byte_letters

__all__ = ["byte_tokenizer"]

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
    made = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        unk_token=_PAD,
        eos_token=_PAD,
        pad_token=_PAD,
        additional_special_tokens=_TURNS,
    )
    made.chat_template = _CHAT
    return made
