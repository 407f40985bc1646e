"""Patterns of blocks on the layers of every family."""

import pytest

from kilnmark.keymaps.errors import UnusableScales
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.protocol.picture.block_scales import BlockScale
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS
from kilnmark.protocol.picture.family import Family


def blocks_of(variant: str) -> Blocks:
    return Blocks.of(load_shapes(variant), FAMILIES[VARIANTS[variant].family])


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("dev", "double (double.0-18), single (single.0-37), clip (clip.0-11), t5 (t5.0-23)"),
        ("flux2-klein-4b", "double (double.0-4), single (single.0-19), qwen3 (qwen3.0-26)"),
        ("flux2-klein-9b", "double (double.0-7), single (single.0-23), qwen3 (qwen3.0-26)"),
        (
            "z-image-turbo",
            (
                "layers (layers.0-29), noise_refiner (noise_refiner.0-1), context_refiner (context_refiner.0-1), "
                "qwen3 (qwen3.0-34)"
            ),
        ),
    ],
)
def test_every_family_has_its_own_runs(variant: str, words: str) -> None:
    assert blocks_of(variant).words == words


def test_a_family_without_names_has_those_of_its_paths() -> None:
    family = Family(name="pinhole", title="Pinhole", engine="pinhole", variants=())
    targets = ["blocks.0.lens", "blocks.2.lens", "film", "norm.0", "cap.1"]
    assert Blocks.of(targets, family).words == "blocks (blocks.0-2)"


def test_every_layer_has_the_scale_of_the_pattern_that_claims_it_or_the_rest() -> None:
    targets = [
        "transformer_blocks.3.attn.to_q",
        "single_transformer_blocks.3.proj_mlp",
        "single_transformer_blocks.20.proj_mlp",
        "single_transformer_blocks.37.proj_mlp",
        "x_embedder",
        "t5_text_encoder.t5_blocks.2.attention.SelfAttention.q",
        "clip_text_encoder.text_model.encoder.layers.11.mlp.fc1",
    ]
    asked = {"double": 0.3, "single.20-37": 1.0, "clip.11": -0.5}
    found = blocks_of("dev").scales(targets, 0.8, asked)
    assert found.scales == (0.3, 0.8, 1.0, 1.0, 0.8, 0.8, -0.5)
    assert found.reached == (
        BlockScale("double", 0.3, 1),
        BlockScale("single.20-37", 1.0, 2),
        BlockScale("clip.11", -0.5, 1),
        BlockScale("rest", 0.8, 3),
    )


@pytest.mark.parametrize("variant", ["dev", "flux2-klein-4b", "z-image-turbo"])
def test_the_runs_of_a_family_have_all_layers_of_its_blocks(variant: str) -> None:
    targets, blocks = list(load_shapes(variant)), blocks_of(variant)
    found = blocks.scales(targets, 0.0, dict.fromkeys(blocks.last, 1.0))
    rest = {target for target, scale in zip(targets, found.scales, strict=True) if not scale}
    assert sum(each.target_count for each in found.reached) == len(targets)
    assert not any("block" in target or "layers." in target or "refiner." in target for target in rest)


@pytest.mark.parametrize(
    ("asked", "problem", "mend"),
    [
        ({"double.19": 1.0}, "this base has no blocks 'double.19'", "double.0-18"),
        ({"single.30-38": 1.0}, "no blocks 'single.30-38'", "single.0-37"),
        ({"layers.3": 1.0}, "no blocks 'layers.3'", "it has double (double.0-18), single"),
        ({"single.1-2": 1.0}, "it has no layer in 'single.1-2'", "it changes double.3-3, single.20-20"),
        ({"double": 1.0, "double.3": 0.5}, "claim the same blocks", "let each block have one scale"),
        ({"double.x": 1.0}, "is no pattern", "NAME.3-7"),
    ],
)
def test_what_matches_nothing_or_contradicts_itself_is_refused_with_what_there_is(
    asked: dict[str, float], problem: str, mend: str
) -> None:
    targets = ["transformer_blocks.3.attn.to_q", "single_transformer_blocks.20.proj_mlp"]
    with pytest.raises(UnusableScales) as refused:
        blocks_of("dev").scales(targets, 0.8, asked)
    assert problem in refused.value.problem
    assert mend in refused.value.mend


def test_an_adapter_outside_all_blocks_is_told_to_be_so() -> None:
    with pytest.raises(UnusableScales) as refused:
        blocks_of("dev").scales(["x_embedder"], 1.0, {"double": 0.5})
    assert "no numbered blocks" in refused.value.mend
