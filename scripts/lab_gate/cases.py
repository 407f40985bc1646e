"""Which adapters are put before the gate, as what, and what is known of each by how it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kilnmark.lab.run.plan import LoraKind
from scripts.lab_gate.derive import spoil
from scripts.lab_gate.recipes import RECIPES, WRONG_TRIGGER, Recipe
from scripts.lab_gate.steps import BREAKING, STEPS

__all__ = ["GateCase", "cases"]


@dataclass(frozen=True, slots=True)
class GateCase:
    """One adapter as it is put before the gate.

    Args:
        name: Of the case.
        made: How it was made: what is known of it.
        file: The adapter.
        style: Whose dataset it is said to be trained on.
        does: The style that it was trained in.
        trigger: It is said to have; empty: always on.
        fires: Whether it is said to fire on that alone.
        is_good: Whether it should be promoted.
    """

    name: str
    made: str
    file: Path
    style: str
    does: str
    trigger: str
    fires: bool
    is_good: bool
    kind: LoraKind = "style"


def cases(folder: Path) -> list[GateCase]:
    """All of them, those of one file one after the other."""
    return [case for number, recipe in enumerate(RECIPES) for case in _of(folder / "adapters", number, recipe)]


def _of(folder: Path, number: int, recipe: Recipe) -> Iterator[GateCase]:
    early, *learnt = STEPS
    called = recipe.mode == "called"
    files = {step: folder / f"{recipe.name}-{step:04}.safetensors" for step in (*STEPS, max(STEPS) + BREAKING)}
    best = files[max(STEPS)]

    def case(made: str, file: Path, *, is_good: bool = False, **told: object) -> GateCase:
        words = {"style": recipe.style, "trigger": recipe.trigger if called else "", "fires": called, **told}
        name = f"{recipe.name}: {made}"
        return GateCase(name=name, made=made, file=file, does=recipe.style, is_good=is_good, **words)  # type: ignore[arg-type]

    for step in learnt:
        yield case(f"trained well, step {step}", files[step], is_good=True)
    yield case("undertrained", files[early])
    yield case("overtrained", files[max(STEPS) + BREAKING])
    yield case("eight times too strong", spoil(best, "eight times too strong"))
    yield case("dead", spoil(best, "dead"))
    yield case("half dead", spoil(best, "half dead"))
    yield case("other style", best, style=RECIPES[(number + 1) % len(RECIPES)].style)
    if called:
        yield case("foreign trigger", best, trigger=WRONG_TRIGGER[recipe.trigger])
    else:
        yield case("always on where it must not be", best, trigger=recipe.trigger, fires=True)
