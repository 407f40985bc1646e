"""The tokenizer: one token for each word of the grammar, bytes for every other, in the files of a Qwen2 tokenizer.

A word is found letter by letter along the words it begins like, so that the merges of two words are never at odds.
"""

import json
from pathlib import Path

from scripts.mini.draw.captions import vocabulary

__all__ = ["PAD", "write_tokenizer"]

PAD = "<|endoftext|>"
SPACE = "\u0120"
"""What byte-level tokenizers write for a space."""
TEMPLATE = "{{ ' ' + messages[0]['content'] | lower | replace(',', ' ,') }}"
"""Of a chat there is nothing but what was asked for, in small letters, each word with a space before it."""


def write_tokenizer(folder: Path) -> int:
    """Write the files that `Qwen2Tokenizer` reads.

    Returns:
        How many tokens there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    merges, tokens = _merges()
    numbers = {token: number for number, token in enumerate([*_bytes(), *tokens, PAD])}
    pad = {"content": PAD, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "pad_token": PAD,
        "eos_token": PAD,
        "unk_token": PAD,
        "model_max_length": 512,
        "chat_template": TEMPLATE,
        "added_tokens_decoder": {str(numbers[PAD]): pad},
    }
    _write(folder / "vocab.json", json.dumps(numbers, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "\n".join(f"{one} {two}" for one, two in merges) + "\n")
    _write(folder / "tokenizer_config.json", json.dumps(config, indent=1))
    return len(numbers)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _merges() -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs that become one token, shortest first, and the tokens they become."""
    pairs: dict[str, tuple[str, str]] = {}
    for word in vocabulary():
        built = SPACE
        for letter in word:
            pairs.setdefault(built + letter, (built, letter))
            built += letter
    tokens = sorted(pairs, key=lambda token: (len(token), token))
    return [pairs[token] for token in tokens], tokens


def _bytes() -> list[str]:
    """The 256 characters that byte-level tokenizers write for bytes, by number of the byte.

    As GPT-2 defines it: printable bytes are themselves, the others the characters from 256 on.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(number) if number in printable else chr(next(others)) for number in range(256)]
