"""The schemas that editors check content by are those of the models."""

import json

import pytest

from kilnmark.protocol.content.documents import GenreStyle, LoraEntry, WorldStyle
from kilnmark.protocol.content.schemas import SCHEMAS, make_schema, shipped_schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_shipped_schema_is_that_of_the_model(name: str) -> None:
    assert shipped_schema(name) == make_schema(name), "write it anew: .venv/bin/python -m scripts.make_schemas"


def test_every_field_is_offered_and_explained() -> None:
    for name, fields in {"genre": GenreStyle.model_fields, "world": WorldStyle.model_fields}.items():
        schema = json.loads(shipped_schema(name))
        assert schema["properties"].keys() == fields.keys()
        entry = schema["$defs"]["LoraEntry"]
        assert entry["required"] == ["name", "file", "scale", "applies_to"]
        assert entry["properties"].keys() == LoraEntry.model_fields.keys()
        assert all("description" in field for field in [*schema["properties"].values(), *entry["properties"].values()])


def test_a_list_is_offered_to_a_genre_and_a_mapping_to_a_world() -> None:
    kinds = {
        name: json.loads(shipped_schema(name))["properties"]["loras"]["anyOf"][0].get("type", "object")
        for name in ("genre", "world")
    }
    assert kinds == {"genre": "array", "world": "object"}


def test_a_tier_may_leave_out_what_it_does_not_change() -> None:
    assert "required" not in json.loads(shipped_schema("tiers"))["$defs"]["TierNumbers"]
