"""The nearest convention: one test a kind of difference, a property over all conventions, and a bound in time."""

import random
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.shapes import BLOCK, load_shapes
from kilnmark.keymaps.nearest.nearest import nearest_of
from kilnmark.protocol.wire.inspection import Nearest

DEV = load_shapes("dev")


def near(*keys: str) -> Nearest:
    found = nearest_of(keys, DEV)
    assert found
    return found


def told(*keys: str) -> tuple[str, str, str]:
    """The convention, the first difference, and what the first key is there."""
    found = near(*keys)
    first = found.differences[0]
    return found.convention, first.what, first.meant


DIFFERENCES = {
    "a word before all": (
        "my_model.transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        (
            "diffusers",
            "have 'my_model.' before 'transformer.'",
            "transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        ),
    ),
    "a prefix where none is": (
        "velvet.double_blocks.3.img_attn.qkv.lora_A.weight",
        ("bfl", "have 'velvet.' before the layer", "double_blocks.3.img_attn.qkv.lora_A.weight"),
    ),
    "something behind the prefix": (
        "lora_unet_velvet_double_blocks_7_img_mlp_0.lora_down.weight",
        (
            "kohya",
            "have 'velvet_' between 'lora_unet_' and the layer",
            "lora_unet_double_blocks_7_img_mlp_0.lora_down.weight",
        ),
    ),
    "no prefix": (
        "double_blocks_7_img_attn_qkv.lora_down.weight",
        ("kohya", "lack 'lora_unet_' at the beginning", "lora_unet_double_blocks_7_img_attn_qkv.lora_down.weight"),
    ),
    "half a prefix": (
        "unet_double_blocks_7_img_attn_qkv.lora_down.weight",
        ("kohya", "lack 'lora_' at the beginning", "lora_unet_double_blocks_7_img_attn_qkv.lora_down.weight"),
    ),
    "another prefix": (
        "lora_flux_double_blocks_7_img_attn_qkv.lora_down.weight",
        (
            "kohya",
            "begin with 'lora_flux_' in place of 'lora_unet_'",
            "lora_unet_double_blocks_7_img_attn_qkv.lora_down.weight",
        ),
    ),
    "something before the dot": (
        "lora_unet_single_transformer_blocks_0_attn_to_q_x.lora_down.weight",
        (
            "lora-unet-diffusers",
            "have '_x' between the layer and the suffix",
            "lora_unet_single_transformer_blocks_0_attn_to_q.lora_down.weight",
        ),
    ),
    "another separator": (
        "transformer.transformer_blocks-0-attn-to_q.lora_A.weight",
        ("diffusers", "have '-' where it has '.'", "transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
    ),
    "another separator in the suffix": (
        "transformer.transformer_blocks.0.attn.to_q.lora-down.weight",
        (
            "diffusers",
            "end in '.lora-down.weight' in place of '.lora_down.weight'",
            "transformer.transformer_blocks.0.attn.to_q.lora_down.weight",
        ),
    ),
    "another word in the suffix": (
        "transformer_blocks.0.attn.to_q.lora_A.ink.wash.weight",
        (
            "peft",
            "end in '.lora_A.ink.wash.weight' in place of '.lora_A.weight'",
            "transformer_blocks.0.attn.to_q.lora_A.weight",
        ),
    ),
    "an unknown suffix": (
        "transformer.transformer_blocks.0.attn.to_q.velvet",
        (
            "diffusers",
            "end in '.velvet', which it does not have",
            "transformer.transformer_blocks.0.attn.to_q.<suffix>",
        ),
    ),
    "an unknown layer": (
        "transformer.transformer_blocks.0.attn.to_w.lora_A.weight",
        (
            "diffusers",
            "name 'transformer_blocks.<n>.attn.to_w', and its likest layer is 'transformer_blocks.<n>.attn.to_q'",
            "transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        ),
    ),
    "a block too many": (
        "transformer.transformer_blocks.31.attn.to_q.lora_A.weight",
        (
            "diffusers",
            "name block 31 of 'transformer_blocks.<n>.attn.to_q', of which this model has 0 to 18",
            "transformer.transformer_blocks.31.attn.to_q.lora_A.weight",
        ),
    ),
    "a block's number with zeros before it": (
        "transformer.transformer_blocks.03.attn.to_q.lora_A.weight",
        (
            "diffusers",
            "number a block '03', which it numbers '3'",
            "transformer.transformer_blocks.03.attn.to_q.lora_A.weight",
        ),
    ),
    "a block's number in other digits": (
        "transformer.transformer_blocks.\u0663.attn.to_q.lora_A.weight",
        (
            "diffusers",
            r"number a block '\u0663', which it numbers '3'",
            "transformer.transformer_blocks.\u0663.attn.to_q.lora_A.weight",
        ),
    ),
    "a letter of another alphabet": (
        "transformer.transformer_blocks.0.attn.t\u043e_q.lora_A.weight",
        (
            "diffusers",
            r"name 'transformer_blocks.<n>.attn.t\u043e_q', and its likest layer is 'transformer_blocks.<n>.attn.to_q'",
            "transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        ),
    ),
    "another model's layer": (
        "diffusion_model.layers.0.attention.to_q.lora_A.weight",
        (
            "comfyui",
            "name 'layers.<n>.attention.to_q', which this model does not have",
            "diffusion_model.layers.0.attention.to_q.lora_A.weight",
        ),
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_told_in_words(name: str) -> None:
    key, expected = DIFFERENCES[name]
    assert told(key) == expected


def test_a_word_of_many_layers_is_told_once() -> None:
    layers = ("attn.to_q", "attn.to_k", "ff.net.2")
    found = near(*(f"transformer.xformer_blocks.{n}.{layer}.lora_A.weight" for layer in layers for n in range(12)))
    assert [(difference.what, difference.key_count) for difference in found.differences] == [
        ("have 'xformer' where it has 'transformer'", 36)
    ]


def test_what_most_names_have_comes_first_and_all_are_counted() -> None:
    odd = [f"x.transformer.transformer_blocks.{n}.attn.to_q.lora_A.weight" for n in range(3)]
    others = [f"transformer.transformer_blocks.{n}.attn.to_k-.lora_A.weight" for n in range(9)]
    found = near(*odd, *others)
    assert found.key_count == 12
    assert [difference.key_count for difference in found.differences] == [9, 3]
    assert str(found) == (
        "nearest is diffusers (transformer.<layer>.lora_A.weight), but your names have '-' between the layer and the "
        "suffix, among other differences"
    )


def test_of_two_that_are_equally_near_the_files_own_is_meant() -> None:
    key = "double_blocks.0.img_attn.qkv.velvet.weight"
    assert near(key).convention == "bfl"
    found = nearest_of([key], DEV, usual="mlx-examples")
    assert found
    assert found.convention == "mlx-examples"


@pytest.mark.parametrize(
    "names",
    [
        [],
        [""],
        ["."],
        ["velvet.0000.matrix", "velvet.0001.matrix"],
        ["\udcff\x00.lora_A.weight"],
        ["lora_unet_down_blocks_0_attentions_0_proj_out.lora_down.weight"],
        ["transformer." * 40 + "transformer_blocks.0.attn.to_q.lora_A.weight"],
    ],
)
def test_what_is_like_nothing_has_no_nearest(names: list[str]) -> None:
    assert nearest_of(names, DEV) is None


Mutation = Callable[[str, str, str], str]

MUTATIONS: dict[str, Mutation] = {
    "a word before": lambda prefix, layer, suffix: f"velvet.{prefix}{layer}.{suffix}",
    "a word behind the prefix": lambda prefix, layer, suffix: f"{prefix}velvet.{layer}.{suffix}",
    "a word before the dot": lambda prefix, layer, suffix: f"{prefix}{layer}_x.{suffix}",
    "a number before the dot": lambda prefix, layer, suffix: f"{prefix}{layer}.9.{suffix}",
    "another separator": lambda prefix, layer, suffix: f"{prefix}{layer.replace('.', '/').replace('_', '/')}.{suffix}",
}
"""Systematic changes of a name that can be undone."""


@given(
    convention=st.sampled_from(sorted(load_keymaps())),
    mutation=st.sampled_from(sorted(MUTATIONS)),
    seed=st.integers(0, 999),
    count=st.integers(1, 12),
)
def test_a_conventions_names_with_one_mutation_have_it_as_nearest(
    convention: str, mutation: str, seed: int, count: int
) -> None:
    originals, mutated = file_of(convention, MUTATIONS[mutation], random.Random(seed), count)
    explaining = {found.convention.name for found in recognise(originals) if found.share == 1}
    found = near(*mutated)
    assert found.convention in explaining
    assert found.key_count == len(mutated)
    for difference in found.differences:
        assert difference.meant == originals[mutated.index(difference.key)]


GLUED = re.compile("[._](?=[0-9])")
OTHERS: dict[str, Mutation] = {
    "a word behind": lambda prefix, layer, suffix: f"{prefix}{layer}.{suffix}.velvet",
    "another first word": lambda prefix, layer, suffix: f"{prefix}{re.sub('^[a-z]+', 'velvet', layer)}.{suffix}",
    "no separator before the block": lambda prefix, layer, suffix: f"{prefix}{GLUED.sub('', layer, count=1)}.{suffix}",
}
"""Changes after which nobody can say what each name was."""


@given(
    convention=st.sampled_from(sorted(load_keymaps())),
    mutation=st.sampled_from(sorted(OTHERS)),
    seed=st.integers(0, 99),
    count=st.integers(2, 12),
)
def test_the_convention_is_found_also_where_the_layer_is_not(
    convention: str, mutation: str, seed: int, count: int
) -> None:
    originals, mutated = file_of(convention, OTHERS[mutation], random.Random(seed), count)
    explaining = {found.convention.name for found in recognise(originals) if found.share == 1}
    unknown = set(mutated) - {key for found in recognise(mutated) for key in found.explained}
    assume(unknown)
    assert near(*sorted(unknown)).convention in explaining


def file_of(convention: str, mutate: Mutation, numbers: random.Random, count: int) -> tuple[list[str], list[str]]:
    """Names of some layers of FLUX.1 in a convention, as they are and as they are mutated."""
    keymap = load_keymaps()[convention]
    prefix = numbers.choice(keymap.convention.prefixes)
    known = [
        name
        for name, choices in keymap.modules.items()
        if BLOCK in name and any(target.replace(BLOCK, "0") in DEV for rows in choices for target in rows.targets)
    ]
    pairs = [suffix for suffix, role in keymap.convention.suffixes.items() if role in ("down", "up")]
    layers = [numbers.choice(known).replace(BLOCK, str(numbers.randrange(19))) for _ in range(count)]
    parts = [(prefix, layer, suffix) for layer in dict.fromkeys(layers) for suffix in pairs]
    return ["{}{}.{}".format(*each) for each in parts], [mutate(*each) for each in parts]


LETTERS = str.maketrans("0123456789", "ghijklmnop")
HOSTILE: dict[str, Callable[[str], str]] = {
    "long": lambda name: "lora_unet_" * 100 + name,
    "long words": lambda name: "transformer_blocks.0.attn." * 38 + name,
    "many words": lambda name: "single.transformer.blocks.0." * 6 + f"{name}.lora_A.weight",
    "nearly known": lambda name: f"transformer.transformer_blocks.0.attn.to_{name}.lora_A.weight",
    "dots": lambda name: "." * 180 + name,
    "numbers": lambda name: "0." * 90 + name,
}
BOUND = 0.5
"""Seconds of CPU. They take 0.05 on an idle core; this holds on a busy one, and still tells a loop over all names."""


@pytest.mark.parametrize("kind", HOSTILE)
def test_eight_thousand_names_of_whatever_kind_take_a_moment(kind: str) -> None:
    keys = [HOSTILE[kind](f"{n:x}".translate(LETTERS)) for n in range(8000)]
    near("transformer.transformer_blocks.0.attn.to_w.lora_A.weight")
    began = time.process_time()
    first = nearest_of(keys, DEV)
    assert time.process_time() - began < BOUND
    assert first == nearest_of(keys, DEV)
