"""What is known of one adapter before it is judged, and the bounds that it is held to.

Both are data: what is found out comes from keymaps and the engine, and what becomes of it is `verdict`'s to know.
"""

import math

import msgspec

from kilnmark.protocol.picture.beside import Cancellation, LayersBeside
from kilnmark.protocol.picture.block_scales import REST, BlockScale

__all__ = ["Evidence", "Thresholds"]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Where a measured number becomes a verdict. The defaults accuse nothing, for those who measure nothing.

    Attributes:
        vanishing_ratio: Delta ratio of a whole adapter below which no pixel changes.
        unchanged_divergence: Probe divergence below which nothing happened.
        invisible_divergence: Probe divergence below which nobody sees a difference, which is worth a warning only.
        overwhelming_ratio: Delta ratio above which an adapter changes more than any trained one does, which is worth a
            warning only.
        usual_ratio: What the delta ratio of trained adapters usually is: the scale that gives it is suggested.
    """

    vanishing_ratio: float = 0.0
    unchanged_divergence: float = 0.0
    invisible_divergence: float = 0.0
    overwhelming_ratio: float = math.inf
    usual_ratio: float = 0.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that `judge` decides on, for one adapter at one scale. What was not found out keeps its default.

    Attributes:
        refusal: Why it cannot be applied, in whole sentences for a person; None while nothing speaks against it.
        total_key_count: Tensors in the file.
        matched_key_count: Tensors that make its updates.
        ignored_key_count: Tensors knowingly left out.
        ignored_for: Why, a few words for each of the reasons; empty where none were.
        unmatched_key_count: Tensors nothing is known about.
        first_unmatched_key: The first of them.
        target_count: Layers that the file names.
        applied_target_count: Layers the updates were made for, whether or not they amount to anything.
        zero_target_count: Applied targets whose whole update is exactly zero.
        vanished_target_count: Applied targets whose non-zero update is lost when added in the compute precision.
        first_zero_target: The first that is zero, or else lost.
        silent_target_count: Applied targets that would change and are left alone: at scale 0 beside others.
        scale: The scale the render asks for.
        block_scales: As those of the report.
        delta_ratio: Frobenius norm of scale x delta over that of the base weights; None before a base has been asked.
        typical_ratio: What it would be on a typical base; None where one was asked, and where only one can tell.
        loudest_target: The layer that nearly all of its change is in, where it has several; empty where there is none.
        loudest_ratio: Of that layer alone, as `delta_ratio` or else as `typical_ratio`.
        cancelled: The group of its stack that it is undone in; None for none.
        undone: Layers on which some of its stack, itself included, add up to nothing; dead ones do not count.
        drowned: Layers on which another of its stack changes so much more that nobody sees what it does.
        effective_share, stack_share, group_shares: As those of the report.
        quantized_survival: As that of the report.
        probe_divergence: How far a forward pass with it is from one without; None where it was not probed.
        belied: What is said of the file that it does not bear out on this base; a sentence without full stop.
        notes: What a reader of the reason must know of how the updates were made; sentences without full stop.
        nearest: Which model the file with unknown names looks made for, else which convention they are most like and
            how they differ; a sentence without full stop, empty when they are like none.
    """

    refusal: str | None = None
    total_key_count: int = 0
    matched_key_count: int = 0
    ignored_key_count: int = 0
    unmatched_key_count: int = 0
    first_unmatched_key: str = ""
    target_count: int = 0
    applied_target_count: int = 0
    zero_target_count: int = 0
    vanished_target_count: int = 0
    first_zero_target: str = ""
    scale: float = 1.0
    delta_ratio: float | None = None
    typical_ratio: float | None = None
    loudest_target: str = ""
    loudest_ratio: float = 0.0
    cancelled: Cancellation | None = None
    undone: LayersBeside = LayersBeside()
    drowned: LayersBeside = LayersBeside()
    effective_share: float | None = None
    stack_share: float | None = None
    group_shares: dict[str, float] = {}
    quantized_survival: float | None = None
    probe_divergence: float | None = None
    belied: str = ""
    notes: tuple[str, ...] = ()
    nearest: str = ""
    ignored_for: str = ""
    silent_target_count: int = 0
    block_scales: tuple[BlockScale, ...] = ()

    @property
    def ratio(self) -> float | None:
        """The delta ratio, as well as it is known."""
        return self.typical_ratio if self.delta_ratio is None else self.delta_ratio

    @property
    def dead_target_count(self) -> int:
        """Applied targets whose weight stays the base's, to the last bit."""
        return self.zero_target_count + self.vanished_target_count

    @property
    def live_target_count(self) -> int:
        """Applied targets whose weight would change if it were alone."""
        return self.applied_target_count - self.dead_target_count - self.silent_target_count

    @property
    def silent_words(self) -> str:
        """What is said of the layers that are left alone; empty where none are."""
        if not self.silent_target_count:
            return ""
        where = ", ".join("all others" if each.blocks == REST else each.blocks for each in self._silent_blocks)
        return f"{self.silent_target_count} layers are left as they are, at scale 0 as asked ({where})"

    @property
    def _silent_blocks(self) -> list[BlockScale]:
        return [each for each in self.block_scales if not each.scale and each.target_count]
