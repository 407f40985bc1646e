"""Entries as schemas have them: what an editor marks is what a batch refuses, field by field."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from kilnmark.client.batch.plan.sources import read_sources
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.protocol.content.entries import (
    ENTRY_MODELS,
    CreaturesDocument,
    EntryFields,
    HistoryDocument,
    PortraitsDocument,
)
from kilnmark.protocol.content.schemas import shipped_schema
from tests.protocol.content.made import Shelf

DOCUMENTS: dict[str, tuple[str, type[BaseModel], Callable[[object], object]]] = {
    "poi": ("history.yaml", HistoryDocument, lambda entry: {"chapters": [{"points_of_interest": [entry]}]}),
    "portrait": ("portrait_manifest.yaml", PortraitsDocument, lambda entry: {"characters": [entry]}),
    "creature": ("creatures.yaml", CreaturesDocument, lambda entry: {"creatures": [entry]}),
}
WORDS: dict[str, dict[str, Any]] = {
    "poi": {"name": "Reed Gate", "description": "a gate"},
    "portrait": {"name": "Ada", "role": "keeper"},
    "creature": {"name": "Squall", "appearance": "a fox"},
}
GOOD: list[dict[str, Any]] = [
    {},
    {"region": "The Shore", "type": "gate", "lore": ["of people's own"]},
    {"init_image": "a.png", "strength": 0},
    {"init_image": None, "region": None},
    {"reference_images": ["a.png", "b.png"]},
]
BAD: list[dict[str, Any]] = [
    {"name": 12},
    {"name": " "},
    {"name": "x" * 201},
    {"region": ["a", "b"]},
    {"init_image": "a.png", "strength": 1.5},
    {"init_image": "a.png", "strength": "much"},
    {"init_image": ["a.png"]},
    {"reference_images": "a.png"},
    {"reference_images": [" "]},
]


def is_marked(kind: str, entry: dict[str, Any]) -> bool:
    _, model, whole = DOCUMENTS[kind]
    try:
        model.model_validate_json(json.dumps(whole(entry)))
    except ValidationError:
        return True
    return False


def is_refused(kind: Kind, entry: dict[str, Any]) -> bool:
    file, _, whole = DOCUMENTS[kind]
    found = read_sources(Shelf({f"ash/{file}": json.dumps(whole(entry))}), kind, [("ash", None)])
    return bool(found.problems) or any(each.unplaced for each in found.subjects)


@pytest.mark.parametrize("kind", ["poi", "portrait", "creature"])
def test_what_an_editor_marks_is_what_a_batch_refuses(kind: Kind) -> None:
    for changes in GOOD:
        entry = WORDS[kind] | changes
        assert (is_marked(kind, entry), is_refused(kind, entry)) == (False, False), entry
    for changes in BAD:
        entry = WORDS[kind] | changes
        assert (is_marked(kind, entry), is_refused(kind, entry)) == (True, True), entry


@pytest.mark.parametrize(
    ("schema", "model"),
    [("history", "PlaceEntry"), ("portraits", "CharacterEntry"), ("creatures", "CreatureEntry")],
)
def test_every_field_of_an_entry_is_offered_and_explained(schema: str, model: str) -> None:
    entry = json.loads(shipped_schema(schema))["$defs"][model]
    [fields] = (each.model_fields for each in ENTRY_MODELS.values() if each.__name__ == model)
    assert entry["properties"].keys() == fields.keys() > EntryFields.model_fields.keys()
    assert all(field.get("description") for field in entry["properties"].values())
    assert entry["required"] == ["name"]
