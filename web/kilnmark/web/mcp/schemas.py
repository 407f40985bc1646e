"""Structs as JSON Schemas that agents and their programs read: what a tool takes, and what it answers with."""

from typing import Any

import msgspec

__all__ = ["input_schema", "output_schema"]


def input_schema(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a tool's arguments, with what each means."""
    return _rooted(cls)


def output_schema(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a tool's answer, without words: models read all of it each time, and the field names say enough."""
    return {name: _bare(value) for name, value in _rooted(cls).items() if name != "description"}


def _rooted(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """Its schema, whose root is the object itself, as the protocol wants it."""
    (root,), components = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
    name = root["$ref"].rpartition("/")[2]
    own = components.pop(name)
    return {**own, "$defs": components} if components else own


def _bare(schema: Any) -> Any:
    """A schema without descriptions; a property of that name is one of `properties` and stays."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _bare(value) for key, value in each.items()} if name in {"properties", "$defs"} else _bare(each)
        for name, each in schema.items()
        if name != "description"
    }
