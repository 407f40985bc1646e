"""From a marked document to a checked model, as far as it goes: pydantic's findings as problems with file, line, entry
and mend, and `Broken` in the place of what they are about.

How much one problem breaks is said by types alone: it reaches up to the nearest `Readable` around it.
"""

import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent, is_inside, near_miss, shortened

__all__ = ["Broken", "Readable", "asked", "misspelt", "parsed", "refuse_misspelt", "wrong"]

_Model = TypeVar("_Model", bound=BaseModel)
_T = TypeVar("_T")

_MENDS: Mapping[str, str] = {
    "string_type": "must be text, but is {found}; put it in quotes",
    "float_type": "must be a number, but is {found}; write one, such as 0.8",
    "float_parsing": "must be a number, but is {found}; write one, such as 0.8",
    "finite_number": "must be a finite number; write one, such as 0.8",
    "int_type": "must be a whole number, but is {found}; write one, such as 42",
    "bool_type": "must be true or false, but is {found}; write one of them",
    "tuple_type": "must be a list, but is {found}; write [{found}], or one `- item` a line",
    "dict_type": "must be a mapping, but is {found}; write `name: value` lines",
    "model_type": "must be a mapping, but is {found}; write `field: value` lines",
    "too_short": "is empty; name at least one",
    "string_too_short": "is blank; write something, or remove the line",
    "string_pattern_mismatch": "is blank; write something, or remove the line",
    "string_too_long": "is longer than the {max_length} characters allowed; shorten it",
    "extra_forbidden": "is no field here; remove it",
}

_BROKEN = "broken"
"""The type of a finding that stands for all that was found inside a `Readable`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands where something was written that cannot be used; who needs it is refused.

    Attributes:
        problems: Why, at least one.
        written: What is there, as plain values.
    """

    problems: tuple[Problem, ...]
    written: Any = None


def asked(value: _T | Broken) -> _T:
    """What was written.

    Raises:
        UnusableContent: It cannot be used.
    """
    if isinstance(value, Broken):
        raise UnusableContent(value.problems)
    return value


class _Boundary:
    """Makes of `T | Broken` a type that reads `T`, and lets what is wrong with one reach no further."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        sound = reduce(operator.or_, (kind for kind in get_args(source) if kind is not Broken))
        return core_schema.no_info_wrap_validator_function(_read, handler(sound))


Readable = Annotated[_T | Broken, _Boundary()]
"""A part of a document that can be broken while the rest is used."""


def _read(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, Broken):
        return value
    try:
        return handler(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        if all(details["type"] == _BROKEN for details in found):
            raise
        raise PydanticCustomError(_BROKEN, "cannot be read", {"found": found}) from error


def wrong(message: str, path: Sequence[Key] = ()) -> PydanticCustomError:
    """What a model's own rule raises.

    Args:
        message: What is wrong, a semicolon, and what to do.
        path: Where, from the model's own place.
    """
    return PydanticCustomError("wrong", "{words}", {"words": message, "path": tuple(path)})


def parsed(
    model: type[_Model], document: MarkedDocument, found: Sequence[Problem] = (), at: tuple[Key, ...] = ()
) -> tuple[_Model, tuple[Problem, ...]]:
    """The document as a model, with `Broken` where something cannot be used; and all problems, by their lines.

    Args:
        model: What its value is to be.
        document: What was read; its value may hold `Broken` already.
        found: Problems that it is known to have.
        at: The place in it that is to be the model; empty: all of it.

    Raises:
        UnusableContent: It is not YAML throughout there, or something is wrong with it outside of every `Readable`;
            with all problems.
    """
    if broken := [problem for problem in document.problems if is_inside(problem.entry, at)]:
        raise UnusableContent(broken)
    value: Any = document.value
    for key in at:
        value = value[key]
    told = list(found)
    while True:
        try:
            return model.model_validate(value), tuple(_by_line(told))
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for details in errors:
            problems = tuple(_problem(document, each, path, at) for each, path in _innermost(details))
            told += problems
            if details["type"] == _BROKEN:
                value = _with_broken(value, details["loc"], problems)
        if any(details["type"] != _BROKEN for details in errors):
            raise UnusableContent(_by_line(told))


def refuse_misspelt(fields: object, known: Mapping[str, Any]) -> None:
    """Other fields may stand in a document, for people to read; one that looks like a known field must not.

    Raises:
        PydanticCustomError: naming the field and the one that is meant.
    """
    if not isinstance(fields, dict):
        return
    for name in fields:
        if isinstance(name, str) and name not in known and (meant := near_miss(name, known)):
            raise wrong(misspelt(meant), (name,))


def misspelt(meant: str) -> str:
    """What is wrong with a field that looks like another."""
    return f"is no field; write `{meant}`, or call it something less like that"


def _innermost(details: ErrorDetails, around: tuple[Key, ...] = ()) -> Iterator[tuple[ErrorDetails, tuple[Key, ...]]]:
    """What a finding stands for, each with its whole path."""
    path = (*around, *details["loc"])
    if details["type"] != _BROKEN:
        yield details, path
        return
    for inner in details["ctx"]["found"]:
        yield from _innermost(inner, path)


def _with_broken(value: Any, path: Sequence[Key], problems: tuple[Problem, ...]) -> Any:
    """A copy with `Broken` at a place of it; what aliases share is not touched."""
    if not path:
        return Broken(tuple(_by_line([*_inside(value), *problems])), value)
    key, *deeper = path
    copy = value.copy()
    copy[key] = _with_broken(value[key], deeper, problems)
    return copy


def _inside(value: Any) -> Iterator[Problem]:
    """What is known to be wrong with parts of a value."""
    if isinstance(value, Broken):
        yield from value.problems
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _inside(part)


def _problem(document: MarkedDocument, details: ErrorDetails, path: tuple[Key, ...], at: tuple[Key, ...]) -> Problem:
    context = details.get("ctx", {})
    path = (*at, *path, *context.get("path", ()))
    if details["type"] == "missing":
        return document.problem(path, f"is missing; add `{path[-1]}: ...`")
    if details["type"] == "wrong":
        return document.problem(path, context["words"])
    words = _MENDS.get(details["type"])
    if words is None:
        return document.problem(path, f"is {_shown(details['input'])}; {_lower(details['msg'])}")
    return document.problem(path, words.format(found=_shown(details["input"]), **context))


def _by_line(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line)


def _shown(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
