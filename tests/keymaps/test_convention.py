"""The YAML files, and what they make of names. The expected names are written out here, not taken from the YAML."""

from importlib.resources import files

import pytest
import yaml
from pydantic import ValidationError

from kilnmark.keymaps.convention import Ignored, Named, Role, load_keymaps, parse_convention, recognise
from kilnmark.keymaps.shapes import BLOCK, block_count, load_shapes

SMALLEST = """
name: x
version: 1
source: nowhere
description: none
prefixes: ["m."]
separator: "."
suffixes: {a: down, b: up}
alpha: [rank]
modules:
  block.{block}.q: layers.{block}.q
  out: [one, two]
"""


def read(name: str) -> str:
    return (files("kilnmark.keymaps") / "conventions" / f"{name}.yaml").read_text()


def test_the_shipped_conventions_are_valid_and_named_like_their_files() -> None:
    assert set(load_keymaps()) == {"kohya", "diffusers"}
    for name, keymap in load_keymaps().items():
        assert parse_convention(read(name)).name == name == keymap.convention.name


@pytest.mark.parametrize("name", ["kohya", "diffusers"])
def test_every_target_of_a_shipped_convention_is_a_layer_of_dev(name: str) -> None:
    shapes = load_shapes("dev")
    for targets in load_keymaps()[name].convention.modules.values():
        assert all(target in shapes or block_count(shapes, target) for target in targets)


def test_diffusers_reaches_every_linear_layer_and_kohya_all_but_the_output() -> None:
    def reached(name: str) -> set[str]:
        shapes = load_shapes("dev")
        patterns = [target for targets in load_keymaps()[name].convention.modules.values() for target in targets]
        return {p.replace(BLOCK, str(n)) for p in patterns for n in range(block_count(shapes, p) if BLOCK in p else 1)}

    assert reached("diffusers") == set(load_shapes("dev"))
    assert set(load_shapes("dev")) - reached("kohya") == {"norm_out.linear", "proj_out"}


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
]


@pytest.mark.parametrize(("key", "role", "targets"), KEYS)
def test_a_real_key_means_its_role_and_targets(key: str, role: Role, targets: tuple[str, ...]) -> None:
    meaning = recognise([key])[0].explained[key]
    assert isinstance(meaning, Named)
    assert (meaning.role, meaning.targets) == (role, targets)


@pytest.mark.parametrize(
    "key",
    ["lora_te1_text_model_x.alpha", "lora_te3_encoder_y.alpha", "text_encoder.a.lora_A", "text_encoder_2.b.lora_A"],
)
def test_keys_of_text_encoders_are_known_and_left_out(key: str) -> None:
    assert recognise([key])[0].explained[key] == Ignored("text encoder")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "alpha",
        "transformer.",
        "lora_unet_",
        "lora_unet_double_blocks_0_img_attn_qkv",
        "lora_unet_double_blocks_0_img_attn_qkv.dora_scale",
        "lora_unet_double_blocks_00_img_attn_qkv.alpha",
        "lora_unet_double_blocks_٣_img_attn_qkv.alpha",
        "lora_unet_double_blocks_-1_img_attn_qkv.alpha",
        "lora_unet_double_blocks_{block}_img_attn_qkv.alpha.",
        "lora_unet_final_layer_linear.alpha",
        "transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer.transformer_blocks.0.attn.to_q.lora_A.default.weight",
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
    assert parse_convention(SMALLEST).modules == {"block.{block}.q": ("layers.{block}.q",), "out": ("one", "two")}


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("version: 1", "version: 1\nsurprise: 2", "surprise"),
        ("version: 1", "version: '1'", "version"),
        ("version: 1", "version: 0", "version"),
        ("name: x", "name: X Y", "name"),
        ("source: nowhere\n", "", "source"),
        ("a: down", "a: sideways", "suffixes"),
        ("alpha: [rank]", "alpha: [tensor]", "alpha"),
        ("modules:", "modules: 5\nmore:", "modules"),
        ("out: [one, two]", "out: []", "modules.out"),
        ("out: [one, two]", "out: 5", "modules.out"),
        ("out: [one, two]", "out: [one, one]", "modules.out"),
        ("out: [one, two]", "out: 'layers.{block}.q'", "modules.out"),
        ("out: [one, two]", "out: [one, two]\n  in: two", "modules.in"),
        ("out: [one, two]", "'{block}.{block}': 'z.{block}'", "{block} must stand once"),
    ],
)
def test_a_wrong_document_is_refused_by_field(before: str, after: str, field: str) -> None:
    assert before in SMALLEST
    with pytest.raises(ValidationError) as caught:
        parse_convention(SMALLEST.replace(before, after))
    assert field in str(caught.value)


def test_a_name_said_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="said twice"):
        parse_convention(SMALLEST + "  out: three\n")


def test_tags_that_build_objects_are_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        parse_convention("!!python/object/apply:os.getcwd []")
