"""Where keys go, and that every one goes to exactly one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.names.sorting import Sorting, sort_keys

DEV = load_shapes("dev")

FUSED = "lora_unet_double_blocks_0_img_attn_qkv"
CLIP = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
TO_Q = "transformer.transformer_blocks.0.attn.to_q"
OTHERS = [f"transformer.transformer_blocks.{n}.ff.net.2.lora_A.weight" for n in range(8)]


def kohya(module: str) -> list[str]:
    return [f"{module}.{suffix}" for suffix in ("alpha", "lora_down.weight", "lora_up.weight")]


def diffusers(module: str) -> list[str]:
    return [f"{module}.{suffix}" for suffix in ("lora_A.weight", "lora_B.weight")]


def total(sorting: Sorting) -> int:
    matched = sum(len(module.keys) for module in sorting.modules)
    return matched + sum(sorting.ignored.values()) + len(sorting.refused) + len(sorting.unmatched)


def test_the_tensors_of_a_module_come_together() -> None:
    (module,) = sort_keys("a", kohya(FUSED), DEV).modules
    assert module.targets == tuple(f"transformer_blocks.0.attn.to_{letter}" for letter in "qkv")
    assert module.keys == {
        Role.ALPHA: f"{FUSED}.alpha",
        Role.DOWN: f"{FUSED}.lora_down.weight",
        Role.UP: f"{FUSED}.lora_up.weight",
    }


def test_unknown_keys_keep_the_order_of_the_file() -> None:
    sorting = sort_keys("a", ["z", *diffusers(TO_Q), "a"], DEV)
    assert sorting.unmatched == ("z", "a")


def test_a_block_that_the_model_does_not_have_is_unmatched() -> None:
    keys = diffusers("transformer.transformer_blocks.19.attn.to_q")
    assert sort_keys("a", keys, DEV).unmatched == tuple(keys)


def test_a_layer_that_this_model_does_not_have_is_unmatched() -> None:
    keys = diffusers("transformer.time_text_embed.guidance_embedder.linear_1")
    assert sort_keys("a", keys, load_shapes("schnell")).unmatched == tuple(keys)
    assert not sort_keys("a", keys, DEV).unmatched


def test_a_layer_of_another_model_is_told_from_an_unknown_name() -> None:
    other = diffusers("transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj")
    sorting = sort_keys("a", [*other, "velvet"], DEV)
    assert sorting.unmatched == (*other, "velvet")
    assert sorting.foreign == tuple(other)
    assert not sort_keys("a", other, load_shapes("flux2-klein-4b")).foreign


def test_updates_that_cannot_be_applied_are_named_by_kind() -> None:
    sorting = sort_keys("a", [*diffusers(TO_Q), f"{TO_Q}.hada_t1", f"{FUSED}.lokr_t2"], DEV)
    assert sorting.refused == {f"{TO_Q}.hada_t1": "Tucker LoHa", f"{FUSED}.lokr_t2": "Tucker LoKr"}
    assert not sorting.unmatched


def test_what_cannot_be_applied_to_a_text_encoder_is_left_out_where_the_model_has_none() -> None:
    keys = [*kohya(CLIP), f"{CLIP}.hada_t1"]
    assert sort_keys("a", keys, load_shapes("z-image-turbo")).ignored == {"text encoder": 4}
    assert sort_keys("a", keys, DEV).refused == {f"{CLIP}.hada_t1": "Tucker LoHa"}


def test_an_alpha_without_matrices_is_unmatched() -> None:
    assert sort_keys("a", [f"{FUSED}.alpha"], DEV).unmatched == (f"{FUSED}.alpha",)


def test_layers_of_a_text_encoder_are_targets_where_the_model_has_it() -> None:
    sorting = sort_keys("a", [*kohya(FUSED), *kohya(CLIP)], DEV)
    assert sorting.modules[1].targets == ("clip_text_encoder.text_model.encoder.layers.0.mlp.fc1",)
    assert not sorting.ignored


def test_keys_of_a_text_encoder_that_the_model_does_not_have_are_ignored_by_reason() -> None:
    sorting = sort_keys("a", [*kohya(CLIP), *kohya("lora_te3_y")], load_shapes("flux2-klein-4b"))
    assert sorting.ignored == {"text encoder": 6}
    assert not sorting.unmatched


@pytest.mark.parametrize(("variant", "read"), [("flux2-klein-4b", 27), ("flux2-klein-9b", 27), ("z-image-turbo", 35)])
def test_layers_of_a_text_encoder_that_are_not_read_are_ignored_by_reason(variant: str, read: int) -> None:
    layers = [kohya(f"lora_te_layers_{layer}_mlp_up_proj") for layer in range(38)]
    sorting = sort_keys("a", [key for keys in layers for key in keys], load_shapes(variant))
    assert len(sorting.modules) == read
    assert sorting.ignored == {"text encoder layers that are not read": 3 * (36 - read)}
    assert sorting.unmatched == sorting.foreign == (*layers[36], *layers[37])


def test_layers_of_a_text_encoder_that_the_model_does_not_have_are_none_that_it_does_not_read() -> None:
    assert sort_keys("a", kohya("lora_te_layers_35_mlp_up_proj"), DEV).ignored == {"text encoder": 3}


def test_an_unknown_key_that_may_be_of_a_text_encoder_of_the_model_is_unmatched() -> None:
    keys = ["text_encoder.velvet.lora_A.weight", "text_encoder.model.norm.diff"]
    assert sort_keys("a", keys, load_shapes("z-image-turbo")).unmatched == tuple(keys)
    assert sort_keys("a", keys, DEV).ignored == {"text encoder": 1}


def test_an_unknown_key_of_a_text_encoder_that_the_model_has_is_unmatched() -> None:
    sorting = sort_keys("a", [*kohya(FUSED), *kohya("lora_te1_x")], DEV)
    assert sorting.unmatched == tuple(kohya("lora_te1_x"))
    assert not sorting.ignored


def test_a_second_copy_in_other_names_is_ignored_and_said_to_be_one() -> None:
    layers = [f"transformer.transformer_blocks.0.attn.to_{letter}" for letter in "qkv"]
    keys = [*kohya(FUSED), *(key for layer in layers for key in diffusers(layer))]
    sorting = sort_keys("a", keys, DEV)
    assert sorting.ignored == {"copy of the same layers in kohya names": 3}
    assert {module.convention.name for module in sorting.modules} == {"diffusers"}
    assert total(sorting) == len(keys)


def test_two_conventions_for_different_layers_are_both_applied() -> None:
    sorting = sort_keys("a", [*kohya(FUSED), *diffusers("transformer.proj_out")], DEV)
    assert {module.convention.name for module in sorting.modules} == {"kohya", "diffusers"}
    assert not sorting.ignored


def test_a_copy_of_only_some_layers_of_a_module_gives_way_to_it() -> None:
    sorting = sort_keys("a", [*kohya(FUSED), *diffusers(TO_Q), *OTHERS], DEV)
    assert [copy.module.targets for copy in sorting.copies] == [("transformer_blocks.0.attn.to_q",)]
    assert sorting.copies[0].kept[0].first_key.startswith(FUSED)
    assert not sorting.copies[0].is_settled


def test_a_layer_under_two_names_of_one_convention_is_a_copy_and_a_lone_alpha_of_the_other_name_belongs_to_it() -> None:
    shapes = load_shapes("z-image-turbo")
    out, other = "lora_unet_layers_0_attention_out", "lora_unet_layers_0_attention_to_out_0"
    twice = sort_keys("a", [*kohya(out), *kohya(other)], shapes)
    assert twice.ignored == {"copy of the same layers in other kohya names": 3}
    assert total(twice) == 6
    (module,) = sort_keys("a", [*kohya(out)[1:], f"{other}.alpha"], shapes).modules
    assert module.keys.keys() == {"down", "up", "alpha"}


def test_of_a_whole_file_in_two_conventions_the_one_that_goes_before_is_meant() -> None:
    layers = [f"transformer.transformer_blocks.0.attn.to_{letter}" for letter in "qkv"]
    keys = [*kohya(FUSED), *(key for layer in layers for key in diffusers(layer))]
    assert [copy.is_settled for copy in sort_keys("a", keys, DEV).copies] == [True]
    more = [*keys, *diffusers("transformer.transformer_blocks.0.norm1.linear")]
    assert [copy.is_settled for copy in sort_keys("a", more, DEV).copies] == [False]


def test_embeddings_and_bookkeeping_beside_updates_are_left_out_and_their_words_known() -> None:
    beside = ["bundle_emb.velvet.clip_l", "bundle_emb.velvet.t5_out", "bundle_emb.a.b.t5", "_aux.0f3a"]
    sorting = sort_keys("a", [*kohya(FUSED), *beside], DEV)
    assert sorting.ignored == {"trained embedding": 3, "bookkeeping of a tool": 1}
    assert sorting.words == ("velvet", "a.b")
    assert not sorting.unmatched
    assert sorting.recognition
    assert sorting.recognition.convention.name == "kohya"


def test_one_matrix_in_two_spellings_is_refused() -> None:
    with pytest.raises(UnfitAdapter, match=r"names the same matrix.*leave one of the two out") as caught:
        sort_keys("a", [f"{TO_Q}.lora_A.weight", f"{TO_Q}.lora_A"], DEV)
    assert caught.value.key == f"{TO_Q}.lora_A"


PIECES = st.lists(
    st.sampled_from(
        [
            "transformer.",
            "lora_unet_",
            "transformer_blocks.0.",
            "double_blocks_0_",
            "attn.to_q",
            "img_mod_lin",
            "proj_out",
            ".",
            "0",
            ".lora_A.weight",
            ".lora_up.weight",
            ".alpha",
            ".lokr_w1",
            ".dora_scale",
            "text_encoder.",
            "lora_te1_",
        ]
    ),
    max_size=6,
)


@given(st.lists(PIECES.map("".join), unique=True, max_size=20))
def test_every_key_ends_in_exactly_one_place(keys: list[str]) -> None:
    assert total(sort_keys("a", keys, DEV)) == len(keys)
