"""Whether a picture is one of anything: collapsed to nothing, or unlike all pictures that it should be one of.

Bounds are data, given by whoever asks. What follows from an unhealthy picture is not decided here.
"""

from collections.abc import Iterable

import msgspec

from kilnmark.lab.measures.measure import Looks

__all__ = ["Collapse", "Slack", "Usual", "usual"]

_NAMES = {
    "deviation": "contrast",
    "saturation": "saturation",
    "noise": "noise",
    "brightness": "brightness",
    "clipped": "share of black and white",
    "smoothness": "smoothness",
}
"""What is held to what is usual, as people call it."""


class Collapse(msgspec.Struct, frozen=True, kw_only=True):
    """Below which a picture shows nothing any more.

    Attributes:
        entropy: In bits.
        deviation: Of 255.
    """

    entropy: float = 4.0
    deviation: float = 6.0

    def of(self, found: Looks) -> str | None:
        """Why a picture is taken for collapsed; None: it is not."""
        if found.entropy < self.entropy:
            return f"its grey levels carry {found.entropy:.1f} bits, and fewer than {self.entropy:g} are no picture"
        if found.deviation < self.deviation:
            return f"its contrast is {found.deviation:.1f} of 255, and less than {self.deviation:g} is no picture"
        return None


class Slack(msgspec.Struct, frozen=True, kw_only=True):
    """How far from what is usual a number may lie: so many times the width of what is usual, and so much besides.

    Attributes:
        widths: Of the range of usual numbers.
        deviation, noise, brightness: Of 255, besides.
        saturation, clipped, smoothness: Of 1, besides.
    """

    widths: float = 0.5
    deviation: float = 10.0
    saturation: float = 0.1
    noise: float = 2.0
    brightness: float = 20.0
    clipped: float = 0.1
    smoothness: float = 0.05


class Usual(msgspec.Struct, frozen=True):
    """The range of each number over pictures that are as they should be.

    Attributes:
        low, high: Both ends; no one picture has to be so.
    """

    low: Looks
    high: Looks

    def strange(self, found: Looks, slack: Slack) -> tuple[str, ...]:
        """What of a picture lies outside, in words with both numbers."""
        told = []
        for name, words in _NAMES.items():
            low, high, value = (float(getattr(each, name)) for each in (self.low, self.high, found))
            margin = slack.widths * (high - low) + float(getattr(slack, name))
            if not low - margin <= value <= high + margin:
                told.append(f"its {words} is {value:.3g}, where {low:.3g} to {high:.3g} is usual")
        return tuple(told)


def usual(found: Iterable[Looks]) -> Usual:
    """Of these, such as all pictures without adapter and all that were trained on.

    Raises:
        ValueError: There are none.
    """
    rows = [msgspec.structs.astuple(each) for each in found]
    if not rows:
        raise ValueError("nothing is usual without a picture")
    columns = list(zip(*rows, strict=True))
    return Usual(Looks(*map(min, columns)), Looks(*map(max, columns)))
