"""Prompts that are proposed for a new run, by role. They stand in its `run.toml`, to be read over and made its own."""

from kilnmark.lab.run.plan import LoraKind, Prompt, Role

__all__ = ["TRIGGERED", "proposed_prompts"]

TRIGGERED = frozenset({"familiar", "novel", "detail"})
"""Roles whose prompts have the trigger."""

_NONSENSE = ("zqxvo", "vrokth")
"""Words that mean nothing in any language that captions are written in."""

_STYLE = {
    "familiar": "a village by a river in the morning",
    "novel": "an astronaut who mends a clock under water",
    "detail": "a fox with one white ear sits to the left of a red door",
}
_SUBJECT = {
    "familiar": "standing in a park, seen from the front",
    "novel": "riding a bicycle on the moon, seen from behind",
    "detail": "close-up portrait, evenly lit",
}
_QUESTIONS = {
    "style": ("Is exactly one of the fox's ears white?", "Is the fox to the left of the red door?"),
    "subject": (
        "Is every mark that only one side has on the same side as in the training pictures?",
        "Are colours and proportions those of the training pictures?",
    ),
}


def proposed_prompts(kind: LoraKind, trigger: str) -> tuple[Prompt, ...]:
    """One prompt for each role that can be shown.

    Args:
        kind: What the adapter is to teach.
        trigger: The words that call it up; empty for a style that is always on, for which no prompt is without it.
    """
    scenes = _STYLE if kind == "style" else _SUBJECT
    questions: dict[str, tuple[str, ...]] = {"detail": _QUESTIONS[kind]}
    roles: tuple[Role, ...] = ("familiar", "novel", "detail")
    called = [Prompt(role=role, text=_with(trigger, scenes[role]), questions=questions.get(role, ())) for role in roles]
    if not trigger:
        return tuple(called)
    nonsense = next(word for word in _NONSENSE if word not in trigger.lower())
    plain = scenes["familiar"] if kind == "style" else f"somebody {scenes['familiar']}"
    return (
        *called,
        Prompt(role="control", text=plain),
        Prompt(role="nonsense", text=_with(nonsense, scenes["familiar"])),
    )


def _with(trigger: str, text: str) -> str:
    return f"{trigger}, {text}" if trigger else text
