"""What `run.toml` decides about the gate; a part of `plan`, which reads it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from kilnmark.lab.run.section import Section

__all__ = ["VerifyPlan"]

_FEWEST = 2
"""Scenes of which it can be seen whether pictures are still told apart by them."""


class VerifyPlan(Section):
    """How an adapter of the run is verified.

    Attributes:
        scenes: What is painted, without the trigger, two at least; empty: the usual ones.
        pattern: How trigger and scene make a prompt; None: the usual way.
        nonsense: What is put in the trigger's place; None: the usual word.
        seeds: Of the pictures, in turn.
        limits: What figures are held to in place of the usual ones: `{ unlike = { most = 0.9 } }`.
        fires: Whether a style has to fire on its trigger alone; a subject always has to.
        unattended: Whether `--yes` may sign without anybody being asked.
    """

    scenes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    pattern: (
        Annotated[str, Field(pattern=r"^[^{}]*(\{trigger\}[^{}]*\{scene\}|\{scene\}[^{}]*\{trigger\})[^{}]*$")] | None
    ) = None
    nonsense: Annotated[str, Field(pattern=r"\w")] | None = None
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**52)], ...], Field(min_length=1)] = (1,)
    limits: Mapping[str, Mapping[Literal["least", "most"], float]] = {}
    fires: bool = False
    unattended: bool = False

    @field_validator("scenes")
    @classmethod
    def _can_be_told_apart(cls, scenes: tuple[str, ...]) -> tuple[str, ...]:
        if scenes and len(set(scenes)) < _FEWEST:
            raise ValueError("the gate sees whether pictures still depend on their prompts; give two different scenes")
        return scenes
