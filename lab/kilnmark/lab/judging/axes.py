"""What a picture is scored on: the axes by their names, each with the question that a judge is asked.

A score is 0 to 1. What a score has to be is `bars`' part.
"""

import msgspec

from kilnmark.lab.run.plan import LoraKind

__all__ = ["IDENTITY", "PHOTOGRAPHIC", "Axis", "standard_axes"]

IDENTITY = "Q1"
"""Whether it is the one, or the style, that was trained."""
PHOTOGRAPHIC = "Q4"
"""Whether the picture is sound."""


class Axis(msgspec.Struct, frozen=True):
    """One thing that pictures are scored on.

    Attributes:
        name: As in the bars: `Q1`.
        title: In a word.
        asks: What a judge is asked.
    """

    name: str
    title: str
    asks: str


_SOUND = Axis(
    PHOTOGRAPHIC,
    "photographic",
    "Is it technically sound: no artefacts, no melted or doubled parts, no noise or banding, light and sharpness as "
    "somebody who made such a picture on purpose would leave them?",
)
_FRAMING = Axis(
    "Q2",
    "framing",
    "Is it composed as the prompt asks, with everything that matters within the picture and nothing cut?",
)
_OF = {
    "subject": (
        Axis(
            IDENTITY,
            "identity",
            "Is it the very person or thing of the reference pictures: proportions, marks, and each on its right side?",
        ),
        _FRAMING,
        Axis("Q3", "clothing", "Is what the subject wears and carries what the prompt asks for, and of one piece?"),
        _SOUND,
    ),
    "style": (
        Axis(
            IDENTITY,
            "identity",
            "Is it made in the very style of the reference pictures: line, shapes, palette, texture, light?",
        ),
        _FRAMING,
        Axis("Q3", "clothing", "Is what is shown, and how it is dressed and furnished, what the prompt asks for?"),
        _SOUND,
    ),
}


def standard_axes(kind: LoraKind) -> tuple[Axis, ...]:
    """The four axes for what an adapter teaches."""
    return _OF[kind]
