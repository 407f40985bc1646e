"""Docstrings below fields are read from the source of a model and of what it is made from."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from kilnmark.protocol.described import describe, descriptions


class Kiln(BaseModel):
    """Told of as a whole, which is no field's."""

    model_config = ConfigDict(json_schema_extra=describe)

    chambers: int = 1
    """How many it has,
        in a row."""

    silent: int = 0

    def heat(self) -> int:
        """Nobody's field."""
        return self.chambers


class Climbing(Kiln):
    """One of many chambers."""

    chambers: int = 4
    """Up the hill."""

    draught: float = 0.5
    """Of the chimney."""


def test_a_text_belongs_to_the_field_above_it_and_to_no_other() -> None:
    assert descriptions(Kiln) == {"chambers": "How many it has,\nin a row."}


def test_a_model_has_those_that_it_inherits_and_its_own_before_them() -> None:
    assert descriptions(Climbing) == {"chambers": "Up the hill.", "draught": "Of the chimney."}


def test_a_model_within_a_function_is_read_too() -> None:
    class Inner(BaseModel):
        ash: int
        """What is left."""

    assert descriptions(Inner) == {"ash": "What is left."}


def test_the_schema_of_a_model_tells_them() -> None:
    told: dict[str, dict[str, Any]] = Climbing.model_json_schema()["properties"]
    assert {name: field.get("description") for name, field in told.items()} == {
        "chambers": "Up the hill.",
        "silent": None,
        "draught": "Of the chimney.",
    }


def test_pydantic_is_not_asked_to_read_them_at_every_start() -> None:
    from kilnmark.protocol.content.documents import GenreStyle, WorldStyle
    from kilnmark.protocol.content.tiers import TierNumbers
    from kilnmark.protocol.settings import Settings

    assert not any(
        model.model_config.get("use_attribute_docstrings") for model in (GenreStyle, WorldStyle, TierNumbers, Settings)
    )
