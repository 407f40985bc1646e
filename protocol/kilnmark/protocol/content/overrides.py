"""Art direction by place as documents write it: what a tag stands for, and which tags mean no place.

Which tag a picture's place gets is `places`' part.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.parsed import Readable, refuse_misspelt, wrong
from kilnmark.protocol.content.places import folded
from kilnmark.protocol.content.problems import Problem, shortened
from kilnmark.protocol.described import describe

__all__ = ["OVERRIDES", "Overrides", "TagOverride", "bad_tags"]

Phrase = Annotated[str, Field(pattern=r"\S", max_length=2_000)]

OVERRIDES = "visual_tag_overrides"
"""The field that they stand in."""

_NO_PLACE = "names no place; write a region, or words of a name"


class TagOverride(BaseModel):
    """What a tag stands for, with room beside it for what people should know."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, json_schema_extra=describe)

    positive_suffix: Phrase
    """Words that go behind a prompt, before the style's own."""


def _words_of(value: object) -> object:
    """The words of a tag that says more than them."""
    if not isinstance(value, dict):
        return value
    refuse_misspelt(value, TagOverride.model_fields)
    words = value.get("positive_suffix")
    if words is None:
        raise wrong("is missing; add `positive_suffix: ...`", ("positive_suffix",))
    if not isinstance(words, str) or not words.strip():
        raise wrong("must be text; write the words that this place adds to a prompt", ("positive_suffix",))
    return words


Override = Annotated[Phrase, BeforeValidator(_words_of, json_schema_input_type=Phrase | TagOverride)]
Overrides = dict[str, Readable[Override]] | None


def bad_tags(document: MarkedDocument) -> Iterator[tuple[str, Problem]]:
    """Each tag that means no place, or the same as another."""
    overrides = document.value.get(OVERRIDES)
    by_meaning = defaultdict[str, list[str]](list)
    for tag in overrides if isinstance(overrides, dict) else ():
        by_meaning[folded(tag)].append(tag)
    for meaning, tags in by_meaning.items():
        for tag in tags if not meaning or len(tags) > 1 else ():
            other = shortened(tags[1] if tag == tags[0] else tags[0]) if meaning else ""
            message = f"means the same place as {other!r}; keep one" if meaning else _NO_PLACE
            yield tag, document.problem((OVERRIDES, tag), message)
