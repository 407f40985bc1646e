"""What is measured of an adapter before the gate: one Struct of numbers, and what each of them means to people.

How they come about is not known here, nor where they become a verdict.
"""

from typing import Final

import msgspec

__all__ = ["FIGURES", "TRIGGER_FIGURES", "Figure", "GateFigures"]


class Figure(msgspec.Struct, frozen=True):
    """One number of an adapter.

    Attributes:
        title: What it is, in a few words.
        low: What is said where it is too low.
        high: What is said where it is too high.
        mend: What to do then.
    """

    title: str
    low: str
    high: str
    mend: str


class GateFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers of one adapter; None where one was not measured, with the reason in `unmeasured`.

    Attributes:
        keys: Share of the file's keys that are recognised.
        layers: Share of the layers named in it that a render changed.
        rank: Of its updates.
        ratio: Its delta ratio on the base, at the scale that was verified.
        loudest: Share of one layer in all that it changes (of squared norms, at most).
        unlike: Mean SSIM of pictures with it to those without, of the same prompts and seeds.
        kept: How much better its pictures are told apart by their prompts than by chance, over what the base itself
            makes of them: 1 as well as without it, 0 not at all.
        strange: Share of its pictures that are collapsed, or, where the dataset is known, whose numbers are far from
            those of both the base's pictures and the dataset's.
        trigger_control: Mean SSIM of pictures with the trigger to those without it, both with the adapter.
        trigger_nonsense: The same to those with a word that means nothing in the trigger's place.
        fires: How many times as far the pictures with the trigger are from the nearer of the two than these are from
            each other (one less SSIM).
        towards: How far its pictures have come from the base's to the dataset's, 0 to 1.
        memorised: The smallest distance of its pictures to a training picture, over that between training pictures.
        left: The smallest part that is left of it, or of one of its genre's other adapters, when all are on; what those
            take from each other without it is not counted.
        paints: The largest part that one adapter has in what a group of layers changes, when all are on, of the groups
            that it changes itself.
        undone: Layers on which it and the others add up to nothing.
        unmeasured: Why those that are None are so, by name.
    """

    keys: float | None = None
    layers: float | None = None
    rank: float | None = None
    ratio: float | None = None
    loudest: float | None = None
    unlike: float | None = None
    kept: float | None = None
    strange: float | None = None
    trigger_control: float | None = None
    trigger_nonsense: float | None = None
    fires: float | None = None
    towards: float | None = None
    memorised: float | None = None
    left: float | None = None
    paints: float | None = None
    undone: float | None = None
    unmeasured: dict[str, str] = {}

    def known(self) -> dict[str, float]:
        """Those that were measured."""
        found = {name: getattr(self, name) for name in FIGURES}
        return {name: value for name, value in found.items() if value is not None}


TRIGGER_FIGURES: Final = ("trigger_control", "trigger_nonsense", "fires")
"""Those about the trigger."""

_RETRAIN = "take another checkpoint, or train it again"
FIGURES: Final = {
    "keys": Figure("keys recognised", "too few of its keys are known", "", "export it in a convention that is read"),
    "layers": Figure("layers changed", "some of its layers change nothing", "", _RETRAIN),
    "rank": Figure("rank", "it has no rank", "its rank is beyond what is usual", "look at how it was exported"),
    "ratio": Figure(
        "change over the base's weights",
        "it changes next to nothing of the weights",
        "it changes more of the weights than a trained adapter does",
        "look at its alpha and scale",
    ),
    "loudest": Figure("share of its loudest layer", "", "nearly all that it changes is one layer", _RETRAIN),
    "unlike": Figure(
        "likeness to the pictures without it",
        "nothing of the base's pictures is left",
        "its pictures are those without it",
        "take a later checkpoint where it does too little, an earlier one or a lower scale where it does too much",
    ),
    "kept": Figure(
        "prompts told apart", "its pictures hardly depend on the prompt any more", "", "take an earlier one"
    ),
    "strange": Figure("strange pictures", "", "its pictures are wreckage", "take an earlier one, or a lower scale"),
    "trigger_control": Figure(
        "likeness with and without the trigger", "", "the trigger changes nothing", "check that this is its trigger"
    ),
    "trigger_nonsense": Figure(
        "likeness of trigger and nonsense", "", "a word without meaning does the same", "check that this is its trigger"
    ),
    "fires": Figure(
        "what the trigger does beyond any word", "the trigger does no more than any word", "", "check the trigger"
    ),
    "towards": Figure("way to the dataset", "its pictures are not like those that it was trained on", "", _RETRAIN),
    "memorised": Figure(
        "distance to a training picture", "it paints a training picture again", "", "take an earlier one"
    ),
    "left": Figure("left beside the genre's others", "it and its genre's others undo each other", "", "change a scale"),
    "paints": Figure(
        "largest share of a group of layers", "", "one adapter alone paints a group of layers", "change a scale"
    ),
    "undone": Figure("layers undone", "", "it and another add up to nothing on some layers", "take one of them out"),
}
"""By the names of the fields."""
