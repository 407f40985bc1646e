"""Qwen3's tokenizer over the bytes of a prompt, for standins of the families that read prompts with that encoder.

It has the marks of a chat and no merges; what a family's own library does with tokens is not known here.
"""

from transformers import Qwen2Tokenizer

from kilnmark.engine.families.made_up import byte_letters

__all__ = ["byte_tokenizer"]

_MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)
"""The form of the chats that Qwen3 was trained on, with one message."""


def byte_tokenizer() -> Qwen2Tokenizer:
    """A tokenizer over single bytes that knows the form of a chat, with `enable_thinking` or without."""
    words = [*byte_letters(), *_MARKS]
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = Qwen2Tokenizer(vocab=numbers, merges=[], additional_special_tokens=list(_MARKS[1:]))
    tokenizer.chat_template = _CHAT
    return tokenizer
