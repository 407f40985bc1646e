"""From a marked document to a checked model: pydantic's findings as problems with file, line, entry and mend."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent, near_miss, shortened

__all__ = ["parsed", "refuse_misspelt", "wrong"]

_Model = TypeVar("_Model", bound=BaseModel)

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


def wrong(message: str, path: Sequence[Key] = ()) -> PydanticCustomError:
    """What a model's own rule raises.

    Args:
        message: What is wrong, a semicolon, and what to do.
        path: Where, from the model's own place.
    """
    return PydanticCustomError("wrong", "{words}", {"words": message, "path": tuple(path)})


def parsed(model: type[_Model], document: MarkedDocument) -> _Model:
    """The document as a model.

    Raises:
        UnusableContent: With every problem of the document as YAML, and every field that is not as it must be.
    """
    if document.problems:
        raise UnusableContent(document.problems)
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise UnusableContent(_problem(document, details) for details in found) from error


def refuse_misspelt(fields: object, known: Mapping[str, Any]) -> None:
    """Other fields may stand in a document, for people to read; one that looks like a known field must not.

    Raises:
        PydanticCustomError: naming the field and the one that is meant.
    """
    if not isinstance(fields, dict):
        return
    for name in fields:
        if isinstance(name, str) and name not in known and (meant := near_miss(name, known)):
            raise wrong(f"is no field; write `{meant}`, or call it something less like that", (name,))


def _problem(document: MarkedDocument, details: ErrorDetails) -> Problem:
    context = details.get("ctx", {})
    path = (*details["loc"], *context.get("path", ()))
    if details["type"] == "missing":
        return document.problem(path, f"is missing; add `{path[-1]}: ...`")
    if details["type"] == "wrong":
        return document.problem(path, context["words"])
    words = _MENDS.get(details["type"])
    if words is None:
        return document.problem(path, f"is {_shown(details['input'])}; {_lower(details['msg'])}")
    return document.problem(path, words.format(found=_shown(details["input"]), **context))


def _shown(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
