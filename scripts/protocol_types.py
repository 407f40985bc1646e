"""Structs of the wire as a reference page shows them: the words of a docstring, and a type in plain words.

What is read is msgspec's own view of a Struct, so that bounds and defaults are those that are enforced.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import inspect as shapes

__all__ = ["Field", "fields_of", "lead_of", "structs_in", "type_words"]


class Field(NamedTuple):
    """One field as the page shows it: its name on the wire, its type and default in words, and what it means."""

    name: str
    type: str
    default: str
    meaning: str


def lead_of(cls: type) -> str:
    """What a class's docstring says before it comes to attributes, in one paragraph a paragraph."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:")[0].strip()
    return "\n\n".join(_in_json(" ".join(part.split())) for part in text.split("\n\n"))


def fields_of(cls: type[msgspec.Struct]) -> list[Field]:
    """The fields of a Struct, `_meta` aside, in its order; what must be given goes before what need not."""
    meanings = _meanings(cls)
    return [
        Field(field.encode_name, type_words(field.type), _default(field), meanings.get(field.name, ""))
        for field in _shown(cls)
    ]


def _shown(cls: type[msgspec.Struct]) -> list[shapes.Field]:
    shape = shapes.type_info(cls)
    fields = shape.fields if isinstance(shape, shapes.StructType) else ()
    return sorted((field for field in fields if field.encode_name != "_meta"), key=lambda field: not field.required)


def _meanings(cls: type) -> dict[str, str]:
    """What the `Attributes:` of a docstring, its own or that of a class it extends, say of each name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        attributes = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2]
        for entry in re.split(r"\n(?=\S)", textwrap.dedent(attributes)):
            names, colon, meaning = entry.partition(":")
            if colon:
                found |= dict.fromkeys((name.strip() for name in names.split(",")), _in_json(" ".join(meaning.split())))
    return found


def _default(field: shapes.Field) -> str:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    return "left out" if field.default is msgspec.NODEFAULT else f"`{msgspec.json.encode(field.default).decode()}`"


def _in_json(text: str) -> str:
    """Words of Python as those of JSON."""
    for word, other in (("None", "null"), ("True", "true"), ("False", "false")):
        text = re.sub(rf"\b{word}\b", other, text)
    return text


def type_words(type_: shapes.Type) -> str:
    """A type and its bounds, as a person says it; Structs by a link to their own heading."""
    match type_:
        case shapes.UnionType():
            kinds = [item for item in type_.types if not isinstance(item, shapes.NoneType)]
            words = " or ".join(type_words(item) for item in kinds)
            return f"{words}, or null" if len(kinds) < len(type_.types) else words
        case shapes.ListType() | shapes.VarTupleType():
            return f"array of {type_words(type_.item_type)}{_bounds(type_.min_length, type_.max_length, 'items')}"
        case shapes.TupleType():
            return f"[{', '.join(type_words(item) for item in type_.item_types)}]"
        case shapes.DictType():
            return f"object of {type_words(type_.value_type)}"
        case shapes.StructType():
            return f"[{type_.cls.__name__}](#{type_.cls.__name__.lower()})"
        case shapes.LiteralType():
            return " or ".join(f"`{msgspec.json.encode(value).decode()}`" for value in type_.values)
        case shapes.EnumType():
            return " or ".join(f'`"{member.value}"`' for member in type_.cls)
        case _:
            return _plain(type_)


def _plain(type_: shapes.Type) -> str:
    match type_:
        case shapes.StrType():
            pattern = f", all of it `{type_.pattern}`".replace("\\Z", "").replace("^", "") if type_.pattern else ""
            return f"text{_bounds(type_.min_length, type_.max_length, 'characters')}{pattern}"
        case shapes.IntType() | shapes.FloatType():
            whole = "whole number" if isinstance(type_, shapes.IntType) else "number"
            multiple = f", a multiple of {type_.multiple_of}" if type_.multiple_of else ""
            return f"{whole}{_bounds(type_.ge, type_.le, '')}{multiple}"
        case shapes.BytesType():
            return f"text in base64{_bounds(type_.min_length, type_.max_length, 'bytes')}"
        case shapes.BoolType():
            return "true or false"
        case shapes.AnyType():
            return "any value"
    raise TypeError(f"{type_} has no words yet; give it some")


def _bounds(least: float | None, most: float | None, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    if least is not None and most is not None:
        return f", {least} to {most}{unit}"
    if most is not None:
        return f", at most {most}{unit}"
    return "" if least is None else f", at least {least}{unit}"


def structs_in(cls: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """The Structs that the fields of this one are made of, `_meta` aside, each before those that it is made of."""
    for field in _shown(cls):
        yield from _in_type(field.type)


def _in_type(type_: shapes.Type) -> Iterator[type[msgspec.Struct]]:
    if isinstance(type_, shapes.StructType):
        yield type_.cls
        yield from structs_in(type_.cls)
    elif isinstance(type_, shapes.UnionType):
        for item in type_.types:
            yield from _in_type(item)
    elif isinstance(type_, shapes.ListType | shapes.VarTupleType):
        yield from _in_type(type_.item_type)
    elif isinstance(type_, shapes.DictType):
        yield from _in_type(type_.value_type)
