"""Prompts that are proposed for a new run, by role. They stand in its `run.toml`, to be read over and made its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from kilnmark.lab.run.plan import LoraKind, Prompt

__all__ = ["TRIGGERED", "proposed_prompts"]

TRIGGERED = frozenset({"familiar", "novel", "detail"})
"""Roles whose prompts have the trigger."""

_NONSENSE = ("zqxvo", "vrokth")
"""Words that mean nothing in any language that captions are written in."""


@dataclass(frozen=True, slots=True)
class _Scenes:
    """What is painted of a kind: a prompt without its trigger by role, and what is asked about the detail."""

    familiar: str
    novel: str
    detail: str
    questions: tuple[str, ...]


_SAME_COLOURS = "Are colours and proportions those of the training pictures?"

_USUAL: Mapping[LoraKind, _Scenes] = {
    "style": _Scenes(
        familiar="a village by a river in the morning",
        novel="an astronaut who mends a clock under water",
        detail="a fox with one white ear sits to the left of a red door",
        questions=("Is exactly one of the fox's ears white?", "Is the fox to the left of the red door?"),
    ),
    "subject": _Scenes(
        familiar="standing in a park, seen from the front",
        novel="riding a bicycle on the moon, seen from behind",
        detail="close-up portrait, evenly lit",
        questions=(
            "Is every mark that only one side has on the same side as in the training pictures?",
            _SAME_COLOURS,
        ),
    ),
}
_KNOWN: Mapping[str, Mapping[LoraKind, _Scenes]] = {
    "mini": {
        "style": _Scenes(
            familiar="a village by day in the snow",
            novel="a fox near a cave at night in a storm",
            detail="a windmill at dawn in fog",
            questions=("Has the windmill four wings?", "Is there one windmill and no more?"),
        ),
        "subject": _Scenes(
            familiar="near a village by day under a clear sky",
            novel="before a cave at night in the snow",
            detail="by a tower at dawn in fog",
            questions=(_SAME_COLOURS, "Is there one tower and no more?"),
        ),
    }
}
"""Of bases that know few words: any other prompt shows what the base does not know, and not what the adapter does."""


def proposed_prompts(kind: LoraKind, trigger: str, base: str) -> tuple[Prompt, ...]:
    """One prompt for each role that can be shown.

    Args:
        kind: What the adapter is to teach.
        trigger: The words that call it up; empty for a style that is always on, for which no prompt is without it.
        base: The variant; one that knows few words is asked for these.
    """
    scenes = _KNOWN.get(base, _USUAL)[kind]
    called = [
        Prompt(role="familiar", text=_with(trigger, scenes.familiar)),
        Prompt(role="novel", text=_with(trigger, scenes.novel)),
        Prompt(role="detail", text=_with(trigger, scenes.detail), questions=scenes.questions),
    ]
    if not trigger:
        return tuple(called)
    nonsense = next(word for word in _NONSENSE if word not in trigger.lower())
    plain = scenes.familiar if kind == "style" else f"somebody {scenes.familiar}"
    return (
        *called,
        Prompt(role="control", text=plain),
        Prompt(role="nonsense", text=_with(nonsense, scenes.familiar)),
    )


def _with(trigger: str, text: str) -> str:
    return f"{trigger}, {text}" if trigger else text
