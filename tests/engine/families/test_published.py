"""The rows say where mflux itself looks: repository, commit and files. Else what was fetched would be fetched again."""

from typing import Any

import pytest
from mflux.models.common.resolution.model_revisions import ModelRevisions
from mflux.models.flux.weights.flux_weight_definition import FluxWeightDefinition
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition

from kilnmark.engine.families import flux1, flux2, z_image
from kilnmark.protocol.picture.catalog import VARIANTS, family_of
from kilnmark.protocol.picture.family import Variant

DEFINITIONS: dict[str, Any] = {
    "flux1": FluxWeightDefinition,
    "flux2": Flux2KleinWeightDefinition,
    "z-image": ZImageWeightDefinition,
}
CONFIGS = {**flux1.loading._CONFIGS, **flux2.loading._CONFIGS, **z_image.loading._CONFIGS}
PUBLISHED = [variant for variant in VARIANTS.values() if not variant.made_up]


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_a_variant_is_published_where_mflux_looks(variant: Variant) -> None:
    assert CONFIGS[variant.name]().model_name == variant.repository
    assert ModelRevisions.get(variant.repository) == variant.revision
    assert variant.licence


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_its_files_are_those_that_mflux_fetches(variant: Variant) -> None:
    definition = DEFINITIONS[variant.family]
    tokenizers = {pattern for each in definition.get_tokenizers() for pattern in each.download_patterns}
    fetched = {pattern.replace("**", "*") for pattern in {*definition.get_download_patterns(), *tokenizers}}
    assert set(family_of(variant).files_of(variant)) == fetched
