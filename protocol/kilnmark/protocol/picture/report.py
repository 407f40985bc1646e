"""The engagement report: what one adapter did to one render, and the rules that turn counts into a verdict.

Reports are made by keymaps (what the file says) and completed by the engine (what the base felt); this module only
holds their shape and the judgement, so that every reader and every renderer judges alike.
"""

from enum import StrEnum

import msgspec

__all__ = ["AdapterReport", "Evidence", "UnmatchedKeys", "Verdict", "judge"]

SHOWN_UNMATCHED_KEYS = 20


class Verdict(StrEnum):
    """How far an adapter changed the base. Only `engaged` is healthy."""

    ENGAGED = "engaged"
    PARTIAL = "partial"
    NOOP = "noop"
    REFUSED = "refused"


class UnmatchedKeys(msgspec.Struct, frozen=True):
    """Tensors of a file that nothing is known about: how many, and the names of the first 20."""

    count: int = 0
    first: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: "list[str]") -> "UnmatchedKeys":
        """Count the names and keep the first of them."""
        return cls(count=len(names), first=tuple(names[:SHOWN_UNMATCHED_KEYS]))


class AdapterReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one adapter did to one render. It stands in the reply, on the adapter's span and in the PNG.

    Attributes:
        name: The file's name without its ending, or the name a style gave it.
        path: The file as it was opened, absolute.
        sha256: Hash of the whole file in hex; empty when the file could not be read.
        scale: The scale the render asked for.
        convention: Name of the keymap that explained the keys; empty when none did.
        kind: `lora`, `loha`, `lokr`, `dora`, `full`, `bias`, `norm`, or several joined by `+`; empty when unknown.
        rank: The most that the rank of any target's update can be; 0 when unknown. Of a LoRA it is the rank that it was
            trained at. Of a LoHa it is the product of its two ranks and of a LoKr that of its factors', which says how
            much they can change, and is more than the dim that their trainer was given.
        total_key_count: Tensors in the file.
        matched_key_count: Tensors that were applied to a target.
        ignored_keys: Tensors knowingly left out, counted by reason.
        unmatched_keys: Tensors nothing is known about.
        target_count: Layers of the base that the file names.
        applied_target_count: Layers that were changed.
        delta_ratio: Frobenius norm of scale x delta over that of the base weights, over all applied targets; None
            before a base has been asked.
        probe_divergence: Norm of the difference between the noise predicted with this adapter alone and without any,
            over the norm of the latter, at a fixed small size; None where this adapter was not probed at this scale.
        verdict: The judgement.
        reason: One sentence a person can act on.
    """

    name: str
    path: str
    sha256: str = ""
    scale: float = 1.0
    convention: str = ""
    kind: str = ""
    rank: int = 0
    total_key_count: int = 0
    matched_key_count: int = 0
    ignored_keys: dict[str, int] = {}
    unmatched_keys: UnmatchedKeys = UnmatchedKeys()
    target_count: int = 0
    applied_target_count: int = 0
    delta_ratio: float | None = None
    probe_divergence: float | None = None
    verdict: Verdict
    reason: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The counts that `judge` decides on, for one adapter at one scale.

    Attributes:
        applied_target_count: Layers the updates were made for, whether or not they amount to anything.
        zero_target_count: Applied targets whose whole update is exactly zero.
        vanished_target_count: Applied targets whose non-zero update is lost when cast to the compute precision.
    """

    total_key_count: int
    matched_key_count: int
    ignored_key_count: int
    unmatched_key_count: int
    target_count: int
    applied_target_count: int
    zero_target_count: int = 0
    vanished_target_count: int = 0
    scale: float = 1.0
    first_unmatched_key: str = ""
    first_zero_target: str = ""

    @property
    def changed_target_count(self) -> int:
        """Layers whose weight is no longer the base's: what a report calls applied."""
        if self.scale == 0.0:
            return 0
        return self.applied_target_count - self.zero_target_count - self.vanished_target_count


def judge(evidence: Evidence) -> tuple[Verdict, str]:
    """Turn the counts of a readable adapter into a verdict and the sentence that explains it.

    `refused` is never the answer here: an adapter is refused by the error that stopped its reading.
    """
    e = evidence
    dead = e.zero_target_count + e.vanished_target_count
    if e.applied_target_count == 0:
        return Verdict.NOOP, _nothing_applied(e)
    if e.scale == 0.0:
        return Verdict.NOOP, "scale is 0, so the adapter changes nothing; give it another scale or leave it out"
    if e.zero_target_count == e.applied_target_count:
        return Verdict.NOOP, (
            f"all {e.applied_target_count} updates are exactly zero: the file was saved before training, "
            "or its weights were lost; train or export it again"
        )
    if dead == e.applied_target_count:
        return Verdict.NOOP, (
            "the update is too small for the compute precision and vanishes; raise the scale or use a base of "
            "higher precision"
        )
    if e.unmatched_key_count:
        return Verdict.PARTIAL, (
            f"{e.unmatched_key_count} of {e.total_key_count} keys are unknown, first {e.first_unmatched_key!r}; "
            "the file holds more than was applied"
        )
    if e.applied_target_count < e.target_count:
        missing = e.target_count - e.applied_target_count
        return Verdict.PARTIAL, f"{missing} of the {e.target_count} layers the file names could not be changed"
    if dead:
        where = f", first {e.first_zero_target!r}" if e.first_zero_target else ""
        return Verdict.PARTIAL, f"{dead} of {e.applied_target_count} updates are zero{where}"
    ignored = f"; {e.ignored_key_count} keys knowingly left out" if e.ignored_key_count else ""
    return Verdict.ENGAGED, (
        f"{e.matched_key_count} of {e.total_key_count} keys changed {e.applied_target_count} layers{ignored}"
    )


def _nothing_applied(e: Evidence) -> str:
    if e.unmatched_key_count:
        return (
            f"no key was recognised ({e.unmatched_key_count} unknown, first {e.first_unmatched_key!r}): "
            "the file is in an unknown convention or made for another model"
        )
    if e.ignored_key_count:
        return f"all {e.ignored_key_count} keys were knowingly left out, so nothing was applied"
    return "the file holds no tensors that change a layer"
