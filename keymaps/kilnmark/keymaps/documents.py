"""YAML documents that ship beside the code, checked field by field: what is known of names and files is data.

What may stand in a document is its own room's part.
"""

import json
from collections.abc import Hashable
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict

__all__ = ["Document", "parse_document", "texts_of"]


class Document(BaseModel):
    """A document or a part of one: its fields and no others, of their types and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_Document = TypeVar("_Document", bound=Document)


def parse_document(kind: type[_Document], text: str) -> _Document:
    """Read one YAML document.

    Raises:
        ValueError: It is not such a document; the message names the field.
        yaml.YAMLError: It is not YAML, or says a name twice.
    """
    # By way of JSON, where pydantic's strict mode takes arrays for tuples and strings for enums.
    return kind.model_validate_json(json.dumps(yaml.load(text, _Loader)))  # noqa: S506 - a safe loader


def texts_of(folder: Traversable) -> list[str]:
    """Every YAML document of a folder, by the names of their files."""
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    return [entry.read_text(encoding="utf-8") for entry in sorted(entries, key=lambda entry: entry.name)]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and refuses a mapping that says a name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - as PyYAML calls it
        built: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(built) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a name is said twice", node.start_mark)
        return built
