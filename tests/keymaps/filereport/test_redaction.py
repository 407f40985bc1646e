"""What is left out of values and sentences, whatever they are."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.keymaps.filereport.redaction import Redaction

SECRET = "Zephyrine"
NAMES = ("transformer.blocks.0.attn.to_q.lora_A.weight",)
REDACTION = Redaction(NAMES, ["/home/zoe/lora/ink.safetensors", "/home/zoe/lora", "ink.safetensors"])

FIELDS = st.sampled_from(["r", "lora_alpha", "alpha_pattern", "target_modules", "name", "version", "peft_type", SECRET])
WORDS = st.sampled_from([SECRET, f"x {SECRET}", f"/home/{SECRET}", "to_q", "LORA"])
VALUES = st.recursive(
    WORDS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.dictionaries(FIELDS | FIELDS.map("transformer.{}".format) | WORDS, VALUES, max_size=6))
def test_nothing_but_known_words_comes_out_of_json(found: dict[str, object]) -> None:
    told = REDACTION.document(json.dumps(found))
    assert told is not None
    assert SECRET not in told
    assert json.loads(told).keys() <= found.keys()


@pytest.mark.parametrize("text", ["", "[]", "1", '"x"', "{", "[" * 100_000, '{"r": ' + " " * (1 << 20) + "1}"])
def test_what_is_no_object_is_left_out(text: str) -> None:
    assert REDACTION.document(text) is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/home/zoe/lora/ink.safetensors: is a pipe", "<file>: is a pipe"),
        ("see ink.safetensors and other.safetensors", "see <file> and <file>"),
        ("beside adapter_config.json", "beside adapter_config.json"),
        (
            "first 'transformer.blocks.0.attn.to_q.lora_A.weight' of",
            "first 'transformer.blocks.0.attn.to_q.lora_A.weight' of",
        ),
        ("name 'blocks.<n>.attn.to_q' of", "name 'blocks.<n>.attn.to_q' of"),
        ("in place of '.lora_down.weight'", "in place of '.lora_down.weight'"),
        ("have '_' before", "have '_' before"),
        ("it says 'no token of Zoe'", "it says '...'"),
        ('it says "Zoe\'s token"', "it says '...'"),
        ("cannot be opened at ~/models/zoe/flux", "cannot be opened at <file>"),
        ("C:\\Users\\zoe\\flux is not there", "<file> is not there"),
        ("16 / 32 of 2/3", "16 / 32 of 2/3"),
    ],
)
def test_a_sentence_keeps_what_is_ours(said: str, told: str) -> None:
    assert REDACTION.sentence(said) == told
