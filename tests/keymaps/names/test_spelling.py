"""How one key can be spelled: real keys of reports, what programs put around names in any mixture, and lookalikes.

What a key must mean is written out here, or is what it means without all that was put around it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.index import Index
from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.meaning import Named
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.schema import load_conventions
from kilnmark.keymaps.names.shapes import load_shapes, painters
from kilnmark.keymaps.names.sorting import sort_keys
from kilnmark.keymaps.names.spelling import load_words
from kilnmark.keymaps.names.tables import load_tables

DOUBLE, SINGLE = "transformer_blocks.7.attn", "single_transformer_blocks.7.attn"
QKV = tuple(f"{DOUBLE}.to_{letter}" for letter in "qkv")
ADDED = tuple(f"{DOUBLE}.add_{letter}_proj" for letter in "qkv")
SINGLE_QKV = tuple(f"{SINGLE}.to_{letter}" for letter in "qkv")
T5 = ("t5_text_encoder.t5_blocks.2.attention.SelfAttention.q",)
CLIP = ("clip_text_encoder.text_model.encoder.layers.8.mlp.fc1",)

REPORTED = [
    # kohya-ss/sd-scripts#1463, Comfy-Org/ComfyUI#4347
    ("lora_unet_transformer_blocks_7_attn_to_q_.lora_down.weight", "down", QKV[:1]),
    ("lora_unet_norm_out_linear_.alpha", "alpha", ("norm_out.linear",)),
    # camenduru/flux-jupyter#16
    ("transformer_single_transformer_blocks_7_attn_to_k.lora_up.weight", "up", SINGLE_QKV[1:2]),
    # invoke-ai/InvokeAI#8984
    ("transformer.double_blocks.7.txt_attn.qkv.1.lora_down.weight", "down", ADDED[1:2]),
    ("transformer.single_blocks.7.linear1.3.alpha", "alpha", ("single_transformer_blocks.7.proj_mlp",)),
    ("transformer.img_in.proj.lora_up.weight", "up", ("x_embedder",)),
    ("clip_l.text_model.encoder.layers.8.mlp.fc1.lora_up.weight", "up", CLIP),
    ("t5.encoder.block.2.layer.0.SelfAttention.q.alpha", "alpha", T5),
    # bghira/SimpleTuner#2032 and #779
    ("diffusion_model.single_transformer_blocks.7.proj_mlp.alpha", "alpha", ("single_transformer_blocks.7.proj_mlp",)),
    ("transformer.base_model.model.single_transformer_blocks.7.attn.to_k.lora.down.weight", "down", SINGLE_QKV[1:2]),
    # FireRedTeam/LayerDiffuse-Flux#8, AMAP-ML/FluxText#8
    ("transformer_blocks.7.attn.to_q.lora_A.default_0.weight", "down", QKV[:1]),
    ("transformer.transformer_blocks.7.attn.to_q.lora_B.default.weight", "up", QKV[:1]),
    # kohya-ss/sd-scripts#1024, huggingface/peft#2957
    ("transformer._orig_mod.transformer_blocks.7.attn.to_v.lora_A.weight", "down", QKV[2:]),
    ("transformer.transformer_blocks.7._orig_mod.attn.to_v.lora_A.weight", "down", QKV[2:]),
    ("lora_unet__orig_mod_double_blocks_7_img_attn_qkv.lora_down.weight", "down", QKV),
    ("lycoris_transformer_blocks_7__orig_mod_attn_to_q.lokr_w1", "lokr_w1", QKV[:1]),
    # bghira/SimpleTuner --fuse_qkv_projections
    ("transformer.transformer_blocks.7.attn.to_added_qkv.lora_B.weight", "up", ADDED),
    ("transformer.single_transformer_blocks.7.attn.to_qkv.lora_B.weight", "up", SINGLE_QKV),
    # ostris/ai-toolkit, toolkit/models/DoRA.py; huggingface/peft
    ("transformer.transformer_blocks.7.attn.to_q.magnitude", "magnitude", QKV[:1]),
    ("transformer_blocks.7.attn.to_q.lora_magnitude_vector.mine.weight", "magnitude", QKV[:1]),
    ("transformer_blocks.7.attn.to_q.lora_magnitude_vector.mine", "magnitude", QKV[:1]),
    ("base_model.model.transformer_blocks.7.attn.to_q.lokr_w2.mine", "lokr_w2", QKV[:1]),
    # modelscope/DiffSynth-Studio; Comfy-Org/ComfyUI, comfy/lora.py
    ("pipe.dit.transformer_blocks.7.attn.to_q.lora_A.default.weight", "down", QKV[:1]),
    ("unet.double_blocks.7.img_attn.qkv.lora_up.weight", "up", QKV),
    ("model.diffusion_model.double_blocks.7.img_attn.qkv.lora_up.weight", "up", QKV),
    ("diffusion_model.single_blocks.7.linear1_qkv.lora_up.weight", "up", SINGLE_QKV),
    # dots in place of kohya's underscores
    ("lora_te1.text_model.encoder.layers.8.mlp.fc1.lora_A.weight", "down", CLIP),
    ("lora_unet.double_blocks.7.img_attn.qkv.alpha", "alpha", QKV),
]  # fmt: skip

OTHER_MODELS = [
    # huggingface/diffusers#13486 and #13484
    ("transformer.time_guidance_embed.timestep_embedder.linear_1.lora_A.weight", "time_guidance_embed.linear_1"),
    ("diffusion_model.sformer_blocks.3.attn.to_q.lora_A.weight", "transformer_blocks.3.attn.to_q"),
    ("transformer.time_guidance_embed.linear_2.lora_A.weight", "time_guidance_embed.linear_2"),
    # invoke-ai/InvokeAI, z_image_lora_conversion_utils.py
    ("lora_unet__layers_29_attention_to_k.lora_down.weight", "layers.29.attention.to_k"),
    ("base_model.model.transformer.layers.29.feed_forward.w1.lora_A.weight", "layers.29.feed_forward.w1"),
]


def named(key: str) -> Named | None:
    recognitions = recognise([key])
    meaning = recognitions[0].explained[key] if recognitions else None
    return meaning if isinstance(meaning, Named) else None


@pytest.mark.parametrize(("key", "role", "targets"), REPORTED)
def test_a_key_of_a_report_means_its_role_and_targets(key: str, role: str, targets: tuple[str, ...]) -> None:
    meaning = named(key)
    assert meaning
    assert (meaning.role, meaning.choices[0].targets) == (role, targets)


@pytest.mark.parametrize(("key", "target"), OTHER_MODELS)
def test_a_key_of_another_model_means_its_layer(key: str, target: str) -> None:
    meaning = named(key)
    assert meaning
    assert (target,) in {rows.targets for rows in meaning.choices}


DOTTED = st.sampled_from(
    [
        "double_blocks.3.img_attn.proj",
        "single_blocks.11.linear2",
        "transformer_blocks.3.attn.to_out.0",
        "single_transformer_blocks.11.proj_mlp",
        "transformer_blocks.3.ff_context.net.0.proj",
        "layers.3.attention.to_k",
        "x_embedder",
        "proj_out",
    ]
)
TENSORS = st.sampled_from(
    [("lora_A", ".weight"), ("lora_B", ".weight"), ("lora_magnitude_vector", ""), ("lokr_w1", ""), ("oft_R", ".weight")]
)
WRAPPERS = st.lists(st.sampled_from(sorted(load_words().wrappers)), max_size=2)
OWNERS = st.lists(st.sampled_from(sorted(load_words().owners)), max_size=2)
ADAPTERS = st.sampled_from(["", "default", "default_0", "my-style", "0", "lora", "weights"])


@given(DOTTED, TENSORS, OWNERS, WRAPPERS, ADAPTERS, st.data())
def test_whatever_programs_put_around_a_name_changes_nothing_of_its_meaning(
    module: str, tensor: tuple[str, str], owners: list[str], wrappers: list[str], adapter: str, data: st.DataObject
) -> None:
    bare = named(f"{module}.{tensor[0]}{tensor[1]}")
    assert bare
    words = [*owners, *module.split(".")]
    for wrapper in wrappers:
        words.insert(data.draw(st.integers(0, len(words) - 1)), wrapper)
    wrapped = named(".".join([*words, tensor[0], *([adapter] if adapter else [])]) + tensor[1])
    assert wrapped
    assert (wrapped.role, wrapped.choices[0].targets, wrapped.adapter) == (bare.role, bare.choices[0].targets, adapter)


FLAT = st.sampled_from(
    [
        "lora_unet_double_blocks_3_img_attn_qkv",
        "lora_unet_transformer_blocks_3_attn_to_q",
        "lora_transformer_single_transformer_blocks_3_proj_mlp",
        "lycoris_layers_3_attention_to_k",
        "lora_te1_text_model_encoder_layers_3_mlp_fc1",
    ]
)


@given(FLAT, st.data())
def test_underscores_more_or_less_change_nothing_in_flat_names(module: str, data: st.DataObject) -> None:
    words = module.split("_")
    underscores = [data.draw(st.sampled_from(["_", "__", "__orig_mod_"])) for _ in words[2:]]
    spelled = "_".join(words[:2]) + "".join(mark + word for mark, word in zip(underscores, words[2:], strict=True))
    found, bare = named(f"{spelled}{data.draw(st.sampled_from(['', '_']))}.alpha"), named(f"{module}.alpha")
    assert found
    assert bare
    assert found.choices == bare.choices


NOBODYS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8).filter(
    lambda word: word not in {*load_words().owners, *load_words().wrappers, "net", "proj", "attn"}
)


@given(DOTTED, NOBODYS, st.data())
def test_a_word_of_nobodys_in_a_name_makes_it_a_name_of_nobodys(module: str, word: str, data: st.DataObject) -> None:
    words = module.split(".")
    words.insert(data.draw(st.integers(0, len(words))), word)
    assert named(".".join([*words, "lora_A.weight"])) is None


@given(DOTTED, st.data())
def test_a_name_with_a_letter_more_or_less_is_a_name_of_nobodys(module: str, data: st.DataObject) -> None:
    places = [place for place, letter in enumerate(module) if letter.isalpha()]
    place = data.draw(st.sampled_from(places))
    more = module[:place] + data.draw(st.sampled_from("bxyz_")) + module[place:]
    changed = data.draw(st.sampled_from([more, module[:place] + module[place + 1 :]]))
    assert named(f"{changed}.lora_A.weight") is None


@pytest.mark.parametrize(
    "key",
    [
        "controlnet.transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer_2.transformer_blocks.0.attn.to_q.lora_A.weight",
        "my_transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer_.transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer_blocks.0.attn.to_q_.lora_A.weight",
        "transformer__blocks.0.attn.to_q.lora_A.weight",
        "transformer_blocks.0.attn.attn.to_q.lora_A.weight",
        "transformer_blocks.0.attn.transformer.to_q.lora_A.weight",
        "double_blocks.0.img_attn.qkv.3.lora_A.weight",
        "single_blocks.0.linear1.4.lora_A.weight",
        "single_blocks.0.linear2.0.lora_A.weight",
        "double_blocks.0.img_attn.proj.0.lora_A.weight",
        "transformer_blocks.0.attn.to_q.lora_A.a.b.weight",
        "transformer_blocks.0.attn.to_q.lora_C.default.weight",
        "transformer_blocks.0.attn.to_q.lora_A.default.other",
        "transformer_blocks.0.attn.to_q.lora.down",
        "lora_unet_double_blocks_0_img_attn_qkv_x.alpha",
        "lora_unet_module_double_blocks_0_img_attn_qkv.alpha",
        "lora_unetdouble_blocks_0_img_attn_qkv.alpha",
    ],
)
def test_a_lookalike_has_no_meaning(key: str) -> None:
    assert named(key) is None


def test_two_adapters_in_one_file_are_refused_with_both_names() -> None:
    keys = [
        f"{DOUBLE}.to_{x}.lora_{side}.{name}.weight" for x, name in (("q", "first"), ("k", "second")) for side in "AB"
    ]
    with pytest.raises(
        UnfitAdapter, match=r"two adapters, 'first' and 'second'.*save one of them to a file of its own"
    ):
        sort_keys("a", keys, load_shapes("dev"))


def test_one_adapter_by_its_name_and_without_it_is_one_matrix_twice() -> None:
    with pytest.raises(UnfitAdapter, match="names the same matrix"):
        sort_keys("a", [f"{QKV[0]}.lora_A.weight", f"{QKV[0]}.lora_A.default.weight"], load_shapes("dev"))


@pytest.mark.parametrize("model", painters())
def test_in_one_model_a_name_of_a_convention_means_one_thing(model: str) -> None:
    shapes = load_shapes(model)
    for keymap in load_keymaps().values():
        for name, choices in keymap.read.items():
            fitting = [rows for rows in choices if all(target in shapes for target in rows.at("0").targets)]
            assert len(fitting) <= 1, (keymap.convention.name, name)


def test_no_table_has_a_word_that_would_be_taken_out_of_its_names() -> None:
    """An owner is taken from the front of a key alone, where those of a text encoder have a prefix."""
    words = load_words()
    conventions = load_conventions().values()
    encoders = [part for convention in conventions for part in convention.text_encoders]
    assert all(part.prefix for part in encoders)
    behind_a_prefix = {part.table for part in encoders}.difference(*(each.tables for each in conventions))
    for table in load_tables().values():
        for name in table.read:
            assert not {*words.wrappers, *words.mistaken}.intersection(name.split(".")), name
            assert table.name in behind_a_prefix or name.split(".")[0] not in words.owners
            assert "__" not in name.replace(".", "_")
            assert not name.endswith("_")


def test_conventions_that_explain_one_key_alike_mean_the_same_by_it() -> None:
    index = Index(load_keymaps().values())
    for keymap in load_keymaps().values():
        name = keymap.convention.prefixes[0] + next(iter(keymap.read)).replace("{block}", "0")
        for suffix in ("lora_A.weight", "lora_up.weight", "alpha", "dora_scale"):
            meanings = [meaning for _, _, meaning in index.meanings([f"{name}.{suffix}"])]
            named = {(meaning.role, meaning.choices[0]) for meaning in meanings if isinstance(meaning, Named)}
            assert len(named) == 1  # some know further models whose layers have that name, too
