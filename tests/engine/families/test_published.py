"""The rows say where mflux itself looks: repository, commit and files. Else what was fetched would be fetched again."""

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session, snapshot_download
from mflux.models.common.resolution.model_revisions import ModelRevisions
from mflux.models.common.resolution.path_resolution import PathResolution
from mflux.models.flux.weights.flux_weight_definition import FluxWeightDefinition
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition
from mflux.models.flux3.weights.flux3_weight_definition import Flux3KleinWeightDefinition
from mflux.models.krea2.weights.krea2_weight_definition import Krea2WeightDefinition
from mflux.models.qwen21.weights.qwen21_weight_definition import Qwen21WeightDefinition
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition

from kilnmark.client.cli.models.pull import pull
from kilnmark.engine.families import flux1, flux2, flux3, krea2, qwen_image, z_image
from kilnmark.protocol.picture.catalog import VARIANTS, family_of
from kilnmark.protocol.picture.family import Variant
from tests.client.cli.models.hubs import DEV, serving

DEFINITIONS: dict[str, Any] = {
    "flux1": FluxWeightDefinition,
    "flux2": Flux2KleinWeightDefinition,
    "z-image": ZImageWeightDefinition,
    "krea-2": Krea2WeightDefinition,
    "flux3": Flux3KleinWeightDefinition,
    "qwen-image": Qwen21WeightDefinition,
}
KITS = (flux2.loading.KIT, z_image.loading.KIT, krea2.loading.KIT, flux3.loading.KIT, qwen_image.loading.KIT)
CONFIGS = {**flux1.loading._CONFIGS, **{name: config for kit in KITS for name, config in kit.configs.items()}}
PUBLISHED = [variant for variant in VARIANTS.values() if variant.repository]


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_a_variant_is_published_where_mflux_looks(variant: Variant) -> None:
    assert CONFIGS[variant.name]().model_name == variant.repository
    assert ModelRevisions.get(variant.repository) == variant.revision
    assert variant.licence


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_its_files_are_those_that_mflux_fetches(variant: Variant) -> None:
    definition = DEFINITIONS[variant.family]
    tokenizers = {pattern for each in definition.get_tokenizers() for pattern in each.download_patterns}
    asked = (variant.repository,) if signature(definition.get_download_patterns).parameters else ()
    patterns = {*definition.get_download_patterns(*asked), *tokenizers}
    fetched = {pattern.replace("**", "*") for pattern in patterns}
    assert set(family_of(variant).files_of(variant)) == fetched


def test_what_was_pulled_is_whole_for_mflux_and_for_the_hubs_own_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"HF_HUB_CACHE": str(tmp_path / "hub")}
    with serving(tmp_path / "published") as hub:
        pulled = pull(DEV, hub.site(), env, lambda *_: None)
    close_session()
    monkeypatch.setattr("mflux.models.common.resolution.path_resolution.HF_HUB_CACHE", env["HF_HUB_CACHE"])
    found = PathResolution.resolve(DEV.repository, FluxWeightDefinition.get_download_patterns())
    assert found == Path(pulled.path)
    library = snapshot_download(
        DEV.repository,
        revision=DEV.revision,
        allow_patterns=["tokenizer/**"],
        cache_dir=env["HF_HUB_CACHE"],
        local_files_only=True,
    )
    assert library == str(found)
