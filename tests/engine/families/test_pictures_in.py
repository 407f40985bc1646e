"""Which variants start from pictures: those whose class of mflux takes one to start from, and no others."""

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from kilnmark.engine.families.flux1.model import Flux1Model
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.flux3.model import Flux3Model
from kilnmark.engine.families.krea2.model import Krea2Model
from kilnmark.engine.families.qwen_image.model import QwenImageModel
from kilnmark.engine.families.z_image.model import ZImageModel
from kilnmark.protocol.picture.catalog import FAMILIES

from mflux.models.flux.variants.txt2img.flux import Flux1  # isort: skip - after the engine
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein
from mflux.models.krea2.variants.txt2img.krea2 import Krea2
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21
from mflux.models.z_image.variants.z_image import ZImage

CLASSES: Mapping[str, tuple[Any, type]] = {
    "flux1": (Flux1, Flux1Model),
    "flux2": (Flux2Klein, Flux2Model),
    "flux3": (Flux3Klein, Flux3Model),
    "krea-2": (Krea2, Krea2Model),
    "qwen-image": (QwenImage21, QwenImageModel),
    "z-image": (ZImage, ZImageModel),
}


def test_no_family_is_left_out() -> None:
    assert set(CLASSES) == set(FAMILIES)


@pytest.mark.parametrize("name", CLASSES)
def test_a_variant_starts_from_pictures_where_mflux_offers_it(name: str) -> None:
    theirs, mine = CLASSES[name]
    offered = {"image_path", "image_strength"} <= set(inspect.signature(theirs.generate_image).parameters)
    assert hasattr(mine, "generate_from") is offered
    told = {variant.init_image for variant in FAMILIES[name].variants if not variant.needs_reference}
    assert told == {offered}
