"""JSON Schemas of what content people write, so that an editor completes and checks it while they type.

They are made from the models, and shipped as files that a test holds to them.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

from kilnmark.protocol.content.documents import GenreStyle, WorldStyle
from kilnmark.protocol.content.entries import CreaturesDocument, HistoryDocument, PortraitsDocument
from kilnmark.protocol.content.picked import WrittenPicks
from kilnmark.protocol.content.promoted import PromotedManifest
from kilnmark.protocol.content.tiers import Tiers

__all__ = ["SCHEMAS", "make_schema", "shipped_schema"]

SCHEMAS: Mapping[str, type[BaseModel]] = {
    "genre": GenreStyle,
    "world": WorldStyle,
    "tiers": Tiers,
    "promoted": PromotedManifest,
    "history": HistoryDocument,
    "portraits": PortraitsDocument,
    "creatures": CreaturesDocument,
    "picks": WrittenPicks,
}
"""What each is of: `visual_style.yaml` of a genre, that of a world, a genre's `tiers.yaml` and `loras.yaml`; and, of
either, `history.yaml`, `portrait_manifest.yaml` and `creatures.yaml`; and `picks.yaml` beside pictures or packs."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schema(name: str) -> str:
    """The schema of a name of `SCHEMAS`, as the text of its file."""
    schema: dict[str, Any] = {"$schema": _DIALECT, **SCHEMAS[name].model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def shipped_schema(name: str) -> str:
    """The same from the file that is shipped."""
    return (files("kilnmark.protocol.content") / "json_schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
