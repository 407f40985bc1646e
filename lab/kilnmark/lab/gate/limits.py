"""What figures are held to: limits as data, by kind, with what no run may ask less than.

They lie beside, in `limits.toml`. What is measured is not known here.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from kilnmark.lab.gate.errors import LimitsUnusable
from kilnmark.lab.gate.figures import FIGURES, TRIGGER_FIGURES
from kilnmark.lab.run.plan import LoraKind

__all__ = ["GateLimits", "Limit", "limits_of"]


Changed = Mapping[str, Mapping[Literal["least", "most"], float]]
"""Limits by figure, as `run.toml` has them."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Between what a figure has to lie.

    Attributes:
        least: Not below; None: anything.
        most: Not above; None: anything.
    """

    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value lies there. One that is no number never does."""
        low, high = self.least, self.most
        return (low is None or value >= low) and (high is None or value <= high) and value == value  # noqa: PLR0124

    def allows(self, other: "Limit") -> bool:
        """Whether another one asks for no less than this."""
        low = self.least is None or (other.least is not None and other.least >= self.least)
        return low and (self.most is None or (other.most is not None and other.most <= self.most))

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


class _KindLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    why: str
    asks_trigger: bool
    needs: tuple[str, ...]
    limits: dict[str, Limit]


class _LimitsDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scenes: tuple[str, ...]
    nonsense: str
    pattern: str
    hard: dict[str, Limit]
    style: _KindLimits
    subject: _KindLimits


class GateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of adapter is held to.

    Attributes:
        name: With the version, and what a run changed, for people and manifests.
        asks_trigger: Whether it has to fire on its trigger, and on nothing else.
        needs: Figures without which nothing passes.
        limits: By figure.
        hard: What may not be undercut, by figure.
        scenes: What is painted, without the trigger.
        nonsense: What is put in the trigger's place.
        pattern: How trigger and scene make a prompt.
        looser: What is asked for less than usual, in sentences.
    """

    name: str
    asks_trigger: bool
    needs: tuple[str, ...]
    limits: dict[str, Limit]
    hard: dict[str, Limit]
    scenes: tuple[str, ...]
    nonsense: str
    pattern: str
    looser: tuple[str, ...] = ()


def limits_of(kind: LoraKind, changed: Changed | None = None, *, fires: bool = False) -> GateLimits:
    """What adapters of a kind are held to.

    Args:
        kind: The kind.
        changed: What a run has in place of the usual ones, by figure: `{"unlike": {"most": 0.9}}`.
        fires: Whether it has to fire on its trigger alone where its kind does not ask for that anyway.

    Raises:
        LimitsUnusable: A figure is unknown, a limit cannot be meant, or it asks for less than any may.
    """
    document = _document()
    own: _KindLimits = getattr(document, kind)
    limits, told, asks = dict(own.limits), "", own.asks_trigger or fires
    if not asks:
        limits = {name: limit for name, limit in limits.items() if name not in TRIGGER_FIGURES}
    elif not own.asks_trigger:
        told = ", fires"
    if changed:
        told = f"{told}, {' and '.join(sorted(changed))} changed by the run"
    for name, given in (changed or {}).items():
        limits[name] = _changed(name, given, limits.get(name, Limit()))
    for name, limit in limits.items():
        if name in document.hard and not document.hard[name].allows(limit):
            raise LimitsUnusable(name, f"{limit} asks for less than {document.hard[name]}, which holds for all")
    return GateLimits(
        name=f"{kind} {own.version}{told}",
        asks_trigger=asks,
        needs=(*own.needs, *(TRIGGER_FIGURES if asks else ())),
        limits=limits,
        hard=document.hard,
        scenes=document.scenes,
        nonsense=document.nonsense,
        pattern=document.pattern,
        looser=tuple(
            f"it is held to less than usual: {name} {limit}, in place of {own.limits[name]}"
            for name, limit in limits.items()
            if name in own.limits and not own.limits[name].allows(limit)
        ),
    )


def _changed(name: str, given: Mapping[Literal["least", "most"], float], usual: Limit) -> Limit:
    if name not in FIGURES:
        raise LimitsUnusable(name, f"no such figure; there are {', '.join(FIGURES)}")
    told: Any = {"least": usual.least, "most": usual.most, **given}
    try:
        return msgspec.convert(told, Limit)
    except msgspec.ValidationError as error:
        raise LimitsUnusable(name, f"{error}; give least, most or both") from error


@cache
def _document() -> _LimitsDocument:
    text = files(__package__).joinpath("limits.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _LimitsDocument)
