"""The YAML files, and what they make of names. The expected names are written out here, not taken from the YAML."""

from importlib.resources import files

import pytest
import yaml
from pydantic import ValidationError

from kilnmark.keymaps.names.keymap import Keymap, load_keymaps
from kilnmark.keymaps.names.meaning import Meaning, Named, OfEncoder, Refused
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.schema import Role, Rows, parse_convention, parse_table
from kilnmark.keymaps.names.shapes import BLOCK, block_count, encoder_of, is_norm, load_shapes, painters
from kilnmark.keymaps.names.tables import load_tables

SMALLEST = """
name: x
version: 1
sources: [nowhere]
description: none
prefixes: ["m."]
separator: "."
component: m
suffixes: {a: down, b: up}
alpha: [rank]
modules:
  block.{block}.q: layers.{block}.q
  out: [one, two]
"""


TABLE = """
name: y
variant: dev
source: nowhere
description: none
modules:
  in: one
  again: one
  norm: {targets: [two], swap_halves: true}
"""

NAMES = {
    "bfl",
    "comfyui",
    "diffusers",
    "kohya",
    "lora-unet-diffusers",
    "lycoris",
    "mflux-train",
    "mlx-examples",
    "onetrainer",
    "peft",
    "xlabs",
}


WITHOUT_NORMS = {"flux3-bfl"}
"""Tables of names in which nobody has written a norm yet."""


def documents(folder: str) -> dict[str, str]:
    entries = (files("kilnmark.keymaps.names") / folder).iterdir()
    return {entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8") for entry in entries}


def reached(patterns: list[str], variant: str) -> set[str]:
    shapes = load_shapes(variant)
    return {p.replace(BLOCK, str(n)) for p in patterns for n in range(block_count(shapes, p) if BLOCK in p else 1)}


def meaning_of(key: str) -> Meaning:
    return recognise([key])[0].explained[key]


def test_the_shipped_conventions_are_valid_and_named_like_their_files() -> None:
    found = documents("conventions")
    assert set(load_keymaps()) == set(found) == NAMES
    assert all(parse_convention(text).name == name for name, text in found.items())


def test_the_shipped_tables_are_valid_and_named_like_their_files() -> None:
    found = documents("layers")
    assert set(load_tables()) == set(found)
    assert all(parse_table(text).name == name for name, text in found.items())


@pytest.mark.parametrize("name", sorted(load_tables()))
def test_a_table_names_every_layer_of_its_part_and_nothing_else(name: str) -> None:
    table = load_tables()[name]
    patterns = [target for rows in table.modules.values() for target in rows.targets]
    part, shapes = encoder_of(patterns[0]), load_shapes(table.variant)
    left_out = {target for target, shape in shapes.items() if is_norm(shape)} if name in WITHOUT_NORMS else set()
    assert reached(patterns, table.variant) == {target for target in shapes if encoder_of(target) == part} - left_out


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_choice_of_a_convention_is_made_of_layers_of_one_model(name: str) -> None:
    for choices in load_keymaps()[name].modules.values():
        for rows in choices:
            targets = rows.at("0").targets
            assert any(all(target in load_shapes(model) for target in targets) for model in painters())


KEYS = [
    (
        "lora_unet_double_blocks_18_txt_attn_qkv.lora_up.weight",
        Role.UP,
        tuple(f"transformer_blocks.18.attn.add_{letter}_proj" for letter in "qkv"),
    ),
    ("lora_unet_double_blocks_3_img_mlp_2.alpha", Role.ALPHA, ("transformer_blocks.3.ff.linear2",)),
    (
        "lora_unet_single_blocks_37_linear1.lora_down.weight",
        Role.DOWN,
        (
            *(f"single_transformer_blocks.37.attn.to_{letter}" for letter in "qkv"),
            "single_transformer_blocks.37.proj_mlp",
        ),
    ),
    ("lora_unet_time_in_in_layer.alpha", Role.ALPHA, ("time_text_embed.timestep_embedder.linear_1",)),
    ("lora_unet_guidance_in_out_layer.alpha", Role.ALPHA, ("time_text_embed.guidance_embedder.linear_2",)),
    ("lora_unet_vector_in_in_layer.alpha", Role.ALPHA, ("time_text_embed.text_embedder.linear_1",)),
    (
        "transformer.transformer_blocks.0.attn.to_out.0.lora_A.weight",
        Role.DOWN,
        ("transformer_blocks.0.attn.to_out.0",),
    ),
    (
        "transformer.transformer_blocks.7.ff_context.net.0.proj.lora_B",
        Role.UP,
        ("transformer_blocks.7.ff_context.linear1",),
    ),
    (
        "transformer.single_transformer_blocks.9.norm.linear.alpha",
        Role.ALPHA,
        ("single_transformer_blocks.9.norm.linear",),
    ),
    ("transformer.norm_out.linear.lora_A", Role.DOWN, ("norm_out.linear",)),
    ("transformer.proj_out.lora_B.weight", Role.UP, ("proj_out",)),
    ("transformer_blocks.0.attn.to_q.lora_A.default.weight", Role.DOWN, ("transformer_blocks.0.attn.to_q",)),
    ("base_model.model.proj_out.lora_B.weight", Role.UP, ("proj_out",)),
    ("transformer.base_model.model.x_embedder.lora_A.weight", Role.DOWN, ("x_embedder",)),
    ("transformer.transformer_blocks.3.ff.linear1.lora_A", Role.DOWN, ("transformer_blocks.3.ff.linear1",)),
    ("double_blocks.4.img_mlp.layers.2.lora_b", Role.UP, ("transformer_blocks.4.ff.linear2",)),
    ("double_blocks.4.txt_mlp.0.lora_up.weight", Role.UP, ("transformer_blocks.4.ff_context.linear1",)),
    ("base_model.model.final_layer.linear.lora_A.weight", Role.DOWN, ("proj_out",)),
    ("diffusion_model.single_blocks.9.linear2.alpha", Role.ALPHA, ("single_transformer_blocks.9.proj_out",)),
    ("single_blocks.9.processor.proj_lora.down.weight", Role.DOWN, ("single_transformer_blocks.9.proj_out",)),
    ("double_blocks.1.processor.proj_lora2.up.weight", Role.UP, ("transformer_blocks.1.attn.to_add_out",)),
    ("lora_transformer_norm_out_linear.alpha", Role.ALPHA, ("norm_out.linear",)),
    ("lora_unet_transformer_blocks_0_ff_net_0_proj.alpha", Role.ALPHA, ("transformer_blocks.0.ff.linear1",)),
    ("lycoris_transformer_blocks_0_ff_net_2.alpha", Role.ALPHA, ("transformer_blocks.0.ff.linear2",)),
    ("lora_unet_layers_29_adaLN_modulation_0.alpha", Role.ALPHA, ("layers.29.adaLN_modulation.0",)),
    ("diffusion_model.layers.2.attention.out.alpha", Role.ALPHA, ("layers.2.attention.to_out.0",)),
    ("transformer.all_x_embedder.2-1.lora_A.weight", Role.DOWN, ("all_x_embedder.2-1",)),
    (
        "double_blocks.18.txt_attn.norm.key_norm.scale",
        "norm_weight",
        ("transformer_blocks.18.attn.norm_added_k",),
    ),
    ("single_blocks.3.norm.query_norm.scale", "norm_weight", ("single_transformer_blocks.3.attn.norm_q",)),
    (
        "transformer.transformer_blocks.7.attn.norm_added_q.weight",
        "norm_weight",
        ("transformer_blocks.7.attn.norm_added_q",),
    ),
    (
        "transformer.transformer.single_transformer_blocks.0.attn.norm_k.weight",
        "norm_weight",
        ("single_transformer_blocks.0.attn.norm_k",),
    ),
    ("lycoris_transformer_blocks_0_attn_norm_q.w_norm", "w_norm", ("transformer_blocks.0.attn.norm_q",)),
    ("diffusion_model.layers.4.attention.q_norm.w_norm", "w_norm", ("layers.4.attention.norm_q",)),
    ("double_blocks.0.txt_attn.proj.lora_B.bias", Role.UP_BIAS, ("transformer_blocks.0.attn.to_add_out",)),
    ("transformer.proj_out.lora_A.bias", Role.DOWN_BIAS, ("proj_out",)),
    ("lora_unet_img_in.diff_b", Role.DIFF_B, ("x_embedder",)),
    ("diffusion_model.img_in.diff", "diff", ("x_embedder",)),
]


@pytest.mark.parametrize(("key", "role", "targets"), KEYS)
def test_a_real_key_means_its_role_and_targets(key: str, role: Role, targets: tuple[str, ...]) -> None:
    meaning = meaning_of(key)
    assert isinstance(meaning, Named)
    assert (meaning.role, meaning.choices[0].targets) == (role, targets)


CLIP = "clip_text_encoder.text_model.encoder.layers.11"
T5 = "t5_text_encoder.t5_blocks.23"
QWEN3 = "qwen3_text_encoder.layers.11"
ONE, TWO = "text_encoder", "text_encoder_2"


@pytest.mark.parametrize(
    ("key", "component", "target"),
    [
        (
            "lora_te1_text_model_encoder_layers_11_self_attn_out_proj.alpha",
            ONE,
            f"{CLIP}.self_attn.out_proj",
        ),
        ("text_encoder.text_model.encoder.layers.11.mlp.fc1.lora_A.weight", ONE, f"{CLIP}.mlp.fc1"),
        (
            "text_encoders.clip_l.transformer.text_model.encoder.layers.11.mlp.fc2.lora_up.weight",
            ONE,
            f"{CLIP}.mlp.fc2",
        ),
        (
            "lora_te3_encoder_block_23_layer_0_SelfAttention_q.alpha",
            TWO,
            f"{T5}.attention.SelfAttention.q",
        ),
        (
            "lora_te2_encoder_block_23_layer_1_DenseReluDense_wi_1.alpha",
            TWO,
            f"{T5}.ff.DenseReluDense.wi_1",
        ),
        (
            "text_encoder_2.encoder.block.23.layer.1.DenseReluDense.wo.lora_A",
            TWO,
            f"{T5}.ff.DenseReluDense.wo",
        ),
        ("lora_te_layers_11_self_attn_q_proj.lora_down.weight", ONE, f"{QWEN3}.self_attn.q_proj"),
        ("lora_te_model_layers_11_mlp_up_proj.alpha", ONE, f"{QWEN3}.mlp.up_proj"),
        ("lora_te1_layers_11_mlp_gate_proj.alpha", ONE, f"{QWEN3}.mlp.gate_proj"),
        ("lora_te1_model_layers_11_mlp_gate_proj.alpha", ONE, f"{QWEN3}.mlp.gate_proj"),
        ("text_encoder.layers.11.self_attn.v_proj.lora_A.weight", ONE, f"{QWEN3}.self_attn.v_proj"),
        ("text_encoder.model.layers.11.self_attn.k_proj.lora_B.weight", ONE, f"{QWEN3}.self_attn.k_proj"),
        ("base_model.model.text_encoder.model.layers.11.mlp.down_proj.lora_B.weight", ONE, f"{QWEN3}.mlp.down_proj"),
        (
            "text_encoders.qwen3_4b.transformer.model.layers.11.self_attn.o_proj.lora_up.weight",
            ONE,
            f"{QWEN3}.self_attn.o_proj",
        ),
        (
            "text_encoders.qwen3_8b.transformer.model.layers.11.mlp.down_proj.lora_A.weight",
            ONE,
            f"{QWEN3}.mlp.down_proj",
        ),
    ],
)
def test_a_key_of_a_text_encoder_means_its_layer(key: str, component: str, target: str) -> None:
    meaning = meaning_of(key)
    assert isinstance(meaning, Named)
    assert (meaning.component, meaning.choices[0].targets) == (component, (target,))
    assert meaning.encoder == target.partition(".")[0]


@pytest.mark.parametrize(
    ("key", "encoders"),
    [
        ("lora_te1_text_model_x.alpha", ("clip_text_encoder",)),
        ("lora_te1_layers_0_x.alpha", ("qwen3_text_encoder",)),
        ("lora_te1_x.alpha", ("clip_text_encoder", "qwen3_text_encoder")),
        ("lora_te3_encoder_y.alpha", ("t5_text_encoder",)),
        ("text_encoder.text_model.x.lora_A", ("clip_text_encoder",)),
        ("text_encoder.model.norm.diff", ("qwen3_text_encoder",)),
        ("text_encoder.a.lora_A", ("clip_text_encoder", "qwen3_text_encoder")),
        ("text_encoder_2.b.lora_A", ("t5_text_encoder",)),
        ("lora_te_layers_0_input_layernorm.w_norm", ("qwen3_text_encoder",)),
    ],
)
def test_an_unknown_key_of_a_text_encoder_is_known_to_be_one_of_those_it_can_be_of(
    key: str, encoders: tuple[str, ...]
) -> None:
    assert meaning_of(key) == OfEncoder(encoders)


def test_a_name_that_other_models_text_encoders_have_too_is_not_taken_for_one_that_is_known() -> None:
    assert recognise(["lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"]) == ()


def test_one_name_can_mean_other_layers_in_another_model() -> None:
    meaning = meaning_of("lora_unet_single_blocks_7_linear1.alpha")
    assert isinstance(meaning, Named)
    one = tuple(f"single_transformer_blocks.7.{layer}" for layer in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"))
    two = ("single_transformer_blocks.7.attn.to_qkv_mlp_proj",)
    assert [rows.targets for rows in meaning.choices] == [one, two]


@pytest.mark.parametrize("model", ["flux1-bfl", "flux2-bfl"])
def test_only_the_shift_and_scale_of_the_output_change_places(model: str) -> None:
    swapped = [name for name, rows in load_tables()[model].modules.items() if rows.swap_halves]
    assert swapped == ["final_layer.adaLN_modulation.1"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("lycoris_transformer_blocks_0_attn_to_q.lokr_t2", "Tucker LoKr"),
        ("lora_unet_double_blocks_0_img_mlp_0.hada_t1", "Tucker LoHa"),
        ("lycoris_transformer_blocks_0_attn_norm_q.b_norm", "norm bias"),
    ],
)
def test_keys_of_other_kinds_of_updates_are_known_by_their_endings(key: str, kind: str) -> None:
    assert meaning_of(key) == Refused(kind)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "alpha",
        "transformer.",
        "lora_unet_",
        "lora_unet_double_blocks_0_img_attn_qkv",
        "lora_unet_double_blocks_00_img_attn_qkv.alpha",
        "lora_unet_double_blocks_٣_img_attn_qkv.alpha",
        "lora_unet_double_blocks_-1_img_attn_qkv.alpha",
        "lora_unet_double_blocks_{block}_img_attn_qkv.alpha.",
        "transformer_blocks_0.attn.to_q.lora_A.weight",
        "lora_unet_double_blocks.0.img_attn_qkv.alpha",
        "double_blocks.0.img_attn.qkv.down.weight",
        "0." * 500 + "alpha",
    ],
)
def test_a_key_that_only_looks_known_is_not(key: str) -> None:
    assert recognise([key]) == ()


def test_most_evidence_decides_and_its_share_is_told() -> None:
    kohya = [f"lora_unet_double_blocks_{n}_img_mlp_0.alpha" for n in range(3)]
    diffusers = [f"transformer.transformer_blocks.{n}.ff.net.2.alpha" for n in range(6)]
    first, second = recognise([*kohya, *diffusers, "unknown"])
    assert (first.convention.name, first.share) == ("diffusers", 0.6)
    assert (second.convention.name, second.share) == ("kohya", 0.3)


def test_nothing_is_recognised_in_no_keys() -> None:
    assert recognise([]) == ()


def test_one_target_may_be_written_without_a_list() -> None:
    assert parse_convention(SMALLEST).modules == {
        "block.{block}.q": Rows(targets=("layers.{block}.q",)),
        "out": Rows(targets=("one", "two")),
    }


def test_two_names_may_stand_for_the_same_target_and_halves_may_change_places() -> None:
    modules = parse_table(TABLE).modules
    assert modules["in"] == modules["again"] == Rows(targets=("one",))
    assert modules["norm"] == Rows(targets=("two",), swap_halves=True)


def test_dots_become_the_conventions_own_separator() -> None:
    keymap = Keymap(parse_convention(SMALLEST.replace('separator: "."', 'separator: "_"')))
    assert set(keymap.modules) == {"block_{block}_q", "out"}


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("version: 1", "version: 1\nsurprise: 2", "surprise"),
        ("version: 1", "version: '1'", "version"),
        ("version: 1", "version: 0", "version"),
        ("name: x", "name: X Y", "name"),
        ("sources: [nowhere]\n", "", "sources"),
        ("component: m\n", "", "component"),
        ("a: down", "a: sideways", "suffixes"),
        ("alpha: [rank]", "alpha: [tensor]", "alpha"),
        ("alpha: [rank]", "alpha: [rank]\nzero_alpha: one", "zero_alpha"),
        ("alpha: [rank]", "alpha: [rank]\nzero_alpha: rank", "zero_alpha"),
        ("modules:", "modules: 5\nmore:", "modules"),
        ("out: [one, two]", "out: []", "modules.out"),
        ("out: [one, two]", "out: 5", "modules.out"),
        ("out: [one, two]", "out: [one, one]", "modules.out"),
        ("out: [one, two]", "out: 'layers.{block}.q'", "modules.out"),
        ("out: [one, two]", "out: [one, two]\n  in: two", "modules.in"),
        ("out: [one, two]", "out: {targets: [one, two], swap_halves: true}", "modules.out"),
        ("out: [one, two]", "out: {targets: [one], swap: true}", "modules.out"),
        ("out: [one, two]", "'{block}.{block}': 'z.{block}'", "{block} must stand once"),
    ],
)
def test_a_wrong_document_is_refused_by_field(before: str, after: str, field: str) -> None:
    assert before in SMALLEST
    with pytest.raises(ValidationError) as caught:
        parse_convention(SMALLEST.replace(before, after))
    assert field in str(caught.value)


def test_a_convention_without_any_module_is_refused() -> None:
    with pytest.raises(ValidationError, match="there are none, and no tables"):
        parse_convention(SMALLEST.partition("modules:")[0])


def test_a_table_that_is_not_shipped_cannot_be_used() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        Keymap(parse_convention(SMALLEST + "tables: [nowhere]\n"))


def test_a_name_said_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="said twice"):
        parse_convention(SMALLEST + "  out: three\n")


def test_tags_that_build_objects_are_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        parse_convention("!!python/object/apply:os.getcwd []")
