"""What a picture can show, and the one value that says what a picture shows. No pixel and no sentence is made here."""

import hashlib
from dataclasses import dataclass
from itertools import product

__all__ = [
    "ABSENT",
    "ATTRIBUTES",
    "CREATURES",
    "PLACES",
    "STYLES",
    "TIMES",
    "WEATHERS",
    "Motif",
    "every_motif",
    "is_held_out",
]

PLACES = ("tower", "castle", "village", "forest", "bridge", "harbour", "cave", "ruins", "windmill", "mountains")
WEATHERS = ("clear", "rain", "snow", "fog", "storm")
TIMES = ("dawn", "day", "dusk", "night")
ABSENT = "none"
CREATURES = (ABSENT, "dragon", "stag", "fox", "traveller", "knight")
ATTRIBUTES = {"place": PLACES, "weather": WEATHERS, "time": TIMES, "creature": CREATURES}
"""Each attribute with its values, in the order that classes are counted in."""

STYLES = ("neutral", "woodcut", "gouache")

PAIRS_NEVER_DRAWN = frozenset(
    {
        ("castle", "snow"),
        ("bridge", "fog"),
        ("village", "storm"),
        ("windmill", "rain"),
        ("tower", "dragon"),
        ("forest", "knight"),
        ("harbour", "fox"),
        ("ruins", "stag"),
    }
)
"""Place and weather, or place and creature, that no drawing to train on shows together."""

HELD_OUT_OF = 8
"""One of so many of all other combinations is never drawn to train on either."""


@dataclass(frozen=True, slots=True)
class Motif:
    """What a picture shows: a place in a weather at a time of day, with a creature or `ABSENT`; `subject` adds the one
    thing that only an adapter can teach.
    """

    place: str
    weather: str
    time: str
    creature: str = ABSENT
    subject: bool = False


def every_motif() -> list[Motif]:
    """All combinations, in order."""
    return [Motif(*values) for values in product(PLACES, WEATHERS, TIMES, CREATURES)]


def is_held_out(motif: Motif) -> bool:
    """Whether training never sees this combination: one of its pairs is never drawn, or its lot fell so."""
    pairs = {(motif.place, motif.weather), (motif.place, motif.creature)}
    if pairs & PAIRS_NEVER_DRAWN:
        return True
    lot = hashlib.sha256(f"{motif.place} {motif.weather} {motif.time} {motif.creature}".encode()).digest()[0]
    return lot % HELD_OUT_OF == 0
