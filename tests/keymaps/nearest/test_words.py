"""Words of names, and the layers that are found among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.keymaps.nearest.words import apart, cuts_of, words_of

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("transformer_blocks.0.attn.to_q", ["transformer", "blocks", "0", "attn", "to", "q"]),
        ("layer.0.SelfAttention.q", ["layer", "0", "self", "attention", "q"]),
        ("adaLN_modulation.1", ["ada", "ln", "modulation", "1"]),
        ("norm1", ["norm", "1"]),
        ("", []),
        ("\udcff...\x00", []),
    ],
)
def test_a_name_is_cut_into_words(text: str, words: list[str]) -> None:
    found = words_of(text)
    assert [word.text for word in found] == words
    assert [text[word.begin : word.end].lower() for word in found] == words


@given(WORDS, WORDS)
def test_names_are_no_words_apart_only_if_they_are_equal(ours: list[str], theirs: list[str]) -> None:
    assert apart(ours, theirs) == apart(theirs, ours)
    assert (apart(ours, theirs) == 0) == (ours == theirs)
    assert apart(ours, theirs) <= max(len(ours), len(theirs))


def test_the_layer_with_most_words_is_meant() -> None:
    [cut, *others] = cuts_of("transformer.single_transformer_blocks.4.attn.to_q.lora_A.weight", 49)
    assert (cut.before, cut.name, cut.behind) == (
        "transformer.",
        "single_transformer_blocks.4.attn.to_q",
        ".lora_A.weight",
    )
    assert (cut.block, cut.missed, others) == ("4", 0, [])
    assert {layer.keymap.convention.name for layer in cut.layers} >= {"diffusers", "peft", "lycoris"}


def test_a_layer_is_known_from_its_beginning_and_from_its_end() -> None:
    beginning, end = (
        cuts_of(f"transformer.{name}.lora_A.weight", len(f"transformer.{name}"))
        for name in ("transformer_blocks.0.attn.to_velvet", "velvet_blocks.0.img_attn.proj")
    )
    assert [(cut.name, cut.missed) for cut in beginning] == [("transformer_blocks.0.attn.to_velvet", 1)]
    assert [(cut.name, cut.missed) for cut in end] == [("velvet_blocks.0.img_attn.proj", 1)]


def test_a_numbered_part_before_a_layer_makes_it_another_models() -> None:
    assert cuts_of("lora_unet_down_blocks_0_attentions_0_proj_out.lora_down.weight", 45) == []


def test_a_number_is_the_blocks_only_where_the_block_stands() -> None:
    [cut] = cuts_of("velvet_blocks.0.txt_mlp.0.lora_A.weight", len("velvet_blocks.0.txt_mlp.0"))
    assert (cut.block, cut.missed, cut.layers[0].words) == ("0", 1, ("double", "blocks", "#", "txt", "mlp", "0"))
