"""The standin's tokenizers: prompts cut into words as CLIP's and T5's are, and every byte of a word a token.

They are made of the library that those are made of. The classes that transformers has for them cost each start of a
worker a third of a second, in which it looks for the models of every other.
"""

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from transformers import PreTrainedTokenizerFast

from kilnmark.engine.families.made_up import byte_letters

__all__ = ["clip_letters", "t5_letters"]

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_PAD, _STOP, _UNKNOWN, _SPACE = "<pad>", "</s>", "<unk>", "\u2581"

_CLIP_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>",
    "'s|'t|'re|'ve|'m|'ll|'d",
    r"[\p{L}]+",
    r"[\p{N}]",
    r"[^\s\p{L}\p{N}]+",
)
"""Its marks, endings after an apostrophe, letters together, each digit alone, other signs together."""


def clip_letters() -> PreTrainedTokenizerFast:
    """CLIP's way: lower case, between two marks. The end has the highest number, where the encoder looks for it."""
    letters = byte_letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), _BEGIN, _END]
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(BPE(vocab=numbers, merges=[], end_of_word_suffix="</w>", unk_token=_END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(_CLIP_WORDS)), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        (_END, numbers[_END]), (_BEGIN, numbers[_BEGIN]), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=_BEGIN, eos_token=_END, unk_token=_END, pad_token=_END
    )


def t5_letters() -> PreTrainedTokenizerFast:
    """T5's way: a mark before each word and one at the end; what is not of ASCII is unknown to it."""
    pieces = [_PAD, _STOP, _UNKNOWN, _SPACE, *(chr(code) for code in range(33, 127))]
    tokenizer = Tokenizer(Unigram([(piece, -1.0) for piece in pieces], unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", _STOP], pair=["$A", _STOP, "$B", _STOP], special_tokens=[(_STOP, pieces.index(_STOP))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_STOP, unk_token=_UNKNOWN, pad_token=_PAD)
