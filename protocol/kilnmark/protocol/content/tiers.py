"""Tiers: the kinds of picture that there are, as data.

The ones of every genre are shipped in `tiers.yaml`; a genre's own `tiers.yaml` changes their fields and adds others.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked
from kilnmark.protocol.content.parsed import Broken, Readable, asked, parsed, wrong
from kilnmark.protocol.described import describe
from kilnmark.protocol.picture.catalog import MAX_PIXELS, USUAL, VARIANTS
from kilnmark.protocol.picture.draft import USUAL_DRAFT, DraftNumbers

__all__ = ["Tier", "TierDraft", "TierNumbers", "Tiers", "load_tiers", "parse_tiers"]

Side = Annotated[int, Field(ge=64, le=4096, multiple_of=16)]
TierName = Annotated[str, Field(min_length=1, max_length=200)]


def _tell(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """A genre may write the fields alone that it changes; an editor cannot know which tiers there are already."""
    describe(schema, model)
    schema.pop("required", None)


class TierDraft(BaseModel):
    """How far drafts of a tier are capped."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=describe)

    size: Side = USUAL_DRAFT.size
    """Pixels of the longer side at most, a multiple of 16."""

    steps: Annotated[int, Field(ge=1, le=100)] = USUAL_DRAFT.steps
    """Denoise steps at most."""

    @property
    def numbers(self) -> DraftNumbers:
        """The same, as requests and specs have them."""
        return DraftNumbers(size=self.size, steps=self.steps)


class TierNumbers(BaseModel):
    """A kind of picture as it stands behind its name. A request's own numbers go before a tier's."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra=_tell,
    )

    width: Side
    """Pixels, a multiple of 16."""

    height: Side
    """Pixels, a multiple of 16."""

    steps: Annotated[int, Field(ge=1, le=100)] = 12
    """Denoise steps."""

    guidance: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 3.5
    """Distilled guidance."""

    variant: str = USUAL
    """The base that the numbers are for."""

    require_promoted: bool | None = None
    """`true`: its pictures get only adapters whose bytes the genre's `loras.yaml` has."""

    draft: TierDraft | None = None
    """How far its drafts are capped; left out, at 256 pixels on the longer side and 4 steps."""

    @field_validator("variant")
    @classmethod
    def _known(cls, variant: str) -> str:
        if variant not in VARIANTS:
            raise wrong(f"{variant!r} is no variant; write one of {', '.join(VARIANTS)}")
        return variant

    @model_validator(mode="after")
    def _paintable(self) -> Self:
        if self.width * self.height > MAX_PIXELS:
            raise wrong(f"{self.width}x{self.height} is more than {MAX_PIXELS} pixels; make it smaller", ("width",))
        return self


class Tier(TierNumbers):
    """One with its name, which is what a request calls it."""

    name: TierName


class Tiers(RootModel[dict[TierName, Readable[TierNumbers]]]):
    """A whole `tiers.yaml`. A tier that every genre has may leave out what it does not change."""


@cache
def load_tiers() -> Mapping[str, Tier]:
    """The tiers of every genre, by name."""
    data = (files("kilnmark.protocol.content") / "tiers.yaml").read_bytes()
    return {name: asked(tier) for name, tier in parse_tiers(read_marked(data, "tiers.yaml"), {}).items()}


def parse_tiers(document: MarkedDocument, inherited: Mapping[str, Tier]) -> Mapping[str, Tier | Broken]:
    """The inherited tiers with what a document changes in them, and those it adds; one that cannot be used is broken.

    Raises:
        UnusableContent: Nothing of the document can be told for sure; with every problem.
    """
    whole = {name: _whole(fields, inherited.get(name)) for name, fields in document.value.items()}
    changed, _ = parsed(Tiers, replace(document, value=whole))
    return {**inherited, **{name: _named(name, numbers) for name, numbers in changed.root.items()}}


def _named(name: str, numbers: TierNumbers | Broken) -> Tier | Broken:
    return numbers if isinstance(numbers, Broken) else Tier(name=name, **dict(numbers))


def _whole(fields: Any, before: Tier | None) -> Any:
    if before is None or not isinstance(fields, dict):
        return fields
    return {**before.model_dump(exclude={"name"}), **fields}
