"""Pictures that were made before the rooms were laid out anew: what they say of themselves is still understood.

`recipes.json` has what the code of then took for each picture's recipe, and the key that it found it by in its cache.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.pictures.recipe import recipe_of_record
from kilnmark.protocol.picture.record import PictureRecord, find_record
from tests.recorded.player import texts_of
from tests.recorded.record import PICTURES

RECIPES: dict[str, dict[str, Any]] = json.loads((PICTURES / "recipes.json").read_text(encoding="utf-8"))


def record_in(path: Path) -> PictureRecord:
    with path.open("rb") as file:
        record = find_record(file)
    assert record is not None
    return record


@pytest.mark.parametrize("name", RECIPES)
def test_its_record_decodes_and_loses_nothing(name: str) -> None:
    path = PICTURES / f"{name}.png"
    written = json.loads(dict(texts_of(path.read_bytes()))["kilnmark"])
    assert written["job_id"] == name
    understood = msgspec.json.decode(msgspec.json.encode(record_in(path)))
    assert {key: understood[key] for key in written} == written


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_found_by_the_key_it_had(name: str) -> None:
    recipe = recipe_of_record(record_in(PICTURES / f"{name}.png"))
    assert recipe is not None
    assert json.loads(msgspec.json.encode(recipe)) == RECIPES[name]["recipe"]
    assert recipe.key == RECIPES[name]["key"]
