"""Groups of layers: what a family's row says of them, and that the product's own rows leave no layer out."""

import msgspec
import pytest

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS, family_of
from kilnmark.protocol.picture.family import Family, LayerGroup
from kilnmark.protocol.picture.groups import group_title

DEV = VARIANTS["dev"]
FAMILY: Family = msgspec.structs.replace(
    FAMILIES["flux1"],
    groups=(
        LayerGroup(title="queries", patterns=("blocks.*.to_q", "extra.to_q")),
        LayerGroup(title="blocks", patterns=("blocks.*",)),
    ),
)


@pytest.mark.parametrize(
    ("target", "title"),
    [
        ("blocks.3.to_q", "queries"),
        ("extra.to_q", "queries"),
        ("blocks.3.to_k", "blocks"),
        ("single_blocks.3.to_q", ""),
        ("clip_text_encoder.blocks.3.to_q", "CLIP"),
        ("t5_text_encoder.x", "T5"),
        ("Blocks.3.to_k", ""),
    ],
)
def test_a_layer_is_of_the_first_group_that_it_fits_or_of_its_encoder(target: str, title: str) -> None:
    assert group_title(target, DEV, FAMILY) == title


def test_a_family_without_groups_has_those_of_its_encoders() -> None:
    bare = msgspec.structs.replace(FAMILY, groups=())
    assert [group_title(target, DEV, bare) for target in ("blocks.3.to_q", "clip_text_encoder.x")] == ["", "CLIP"]


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if family_of(variant).groups])
def test_every_layer_of_a_variant_is_of_a_group_and_no_group_is_empty(name: str) -> None:
    variant = VARIANTS[name]
    titles = {target: group_title(target, variant, family_of(variant)) for target in load_shapes(name)}
    assert [target for target, title in titles.items() if not title] == []
    assert {group.title for group in family_of(variant).groups} <= set(titles.values())


@pytest.mark.parametrize(
    ("target", "title"),
    [
        ("transformer_blocks.0.attn.to_q", "double attention"),
        ("transformer_blocks.18.attn.norm_added_k", "double attention"),
        ("transformer_blocks.0.ff_context.linear2", "double MLP"),
        ("transformer_blocks.0.norm1_context.linear", "double modulation"),
        ("single_transformer_blocks.37.attn.to_v", "single attention"),
        ("single_transformer_blocks.37.proj_mlp", "single MLP"),
        ("single_transformer_blocks.37.norm.linear", "single modulation"),
        ("time_text_embed.guidance_embedder.linear_1", "embedders and output"),
        ("proj_out", "embedders and output"),
    ],
)
def test_layers_of_flux1_are_told_by_what_they_do(target: str, title: str) -> None:
    assert group_title(target, DEV, family_of(DEV)) == title
