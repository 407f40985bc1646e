"""The judgement: what was found out about one adapter in, its verdict and the sentence that explains it out.

Every rule stands here, each once, in the order in which they are asked. Nothing is measured here, and no number about
the machine is known: keymaps says what the file holds, the engine what the base felt, and where a number becomes a word
comes in as `Thresholds`.
"""

from collections.abc import Callable, Iterator

import msgspec

from kilnmark.protocol.picture.evidence import Evidence, Thresholds
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.strength import too_strong, too_strong_in, usual_scale

__all__ = ["Judged", "judge"]


class Judged(msgspec.Struct, frozen=True):
    """What was judged.

    Attributes:
        verdict: The judgement.
        reason: One sentence a person can act on.
        changed_target_count: Layers whose weight is no longer the base's: what a report calls applied.
        usual_scale: The scale at which it would be as strong as trained adapters usually are; None where it is not far
            too strong.
        strong_target: The one layer that it is far too strong in; empty where it is so as a whole, or not at all.
    """

    verdict: Verdict
    reason: str
    changed_target_count: int = 0
    usual_scale: float | None = None
    strong_target: str = ""

    @property
    def is_applied(self) -> bool:
        """Whether it has a place on the base."""
        return self.verdict in (Verdict.ENGAGED, Verdict.PARTIAL)


def judge(evidence: Evidence, thresholds: Thresholds | None = None) -> Judged:
    """Judge one adapter: the first rule that holds gives the verdict. Later evidence can only make it worse.

    Args:
        evidence: As far as it was found out.
        thresholds: None for those that accuse nothing.
    """
    limits = Thresholds() if thresholds is None else thresholds
    found = next(judged for rule in _RULES if (judged := rule(evidence, limits)) is not None)
    if not found.is_applied:
        return found
    changed = evidence.live_target_count - evidence.undone.count
    return _with_strength(msgspec.structs.replace(found, changed_target_count=changed), evidence, limits)


def _with_strength(found: Judged, e: Evidence, limits: Thresholds) -> Judged:
    """With a warning in the reason where it is far too strong; the verdict stays."""
    lone = e.loudest_target if e.loudest_ratio > limits.overwhelming_ratio else ""
    ratio = e.loudest_ratio if lone else (e.ratio or 0.0)
    if ratio <= limits.overwhelming_ratio:
        return found
    scale = usual_scale(1.0 if e.block_scales else e.scale, ratio, limits.usual_ratio)
    of = "a typical base's weights" if e.delta_ratio is None else "the base's weights"
    said = too_strong_in(lone) if lone else too_strong(ratio, scale, of, by_blocks=bool(e.block_scales))
    return msgspec.structs.replace(found, reason=f"{found.reason}; {said}", usual_scale=scale, strong_target=lone)


def _refused(e: Evidence, _: Thresholds) -> Judged | None:
    return None if e.refusal is None else Judged(Verdict.REFUSED, e.refusal)


def _nothing_applied(e: Evidence, _: Thresholds) -> Judged | None:
    if e.applied_target_count:
        return None
    if e.unmatched_key_count:
        return _noop(
            e,
            f"no key was recognised ({e.unmatched_key_count} unknown, first {e.first_unmatched_key!r}): "
            f"{e.nearest or 'the file is in an unknown convention or made for another model'}",
        )
    if e.ignored_key_count:
        why = f" ({e.ignored_for})" if e.ignored_for else ""
        return _noop(e, f"all {e.ignored_key_count} keys were knowingly left out{why}, so nothing was applied")
    return _noop(e, "the file holds no tensors that change a layer")


def _scale_is_zero(e: Evidence, _: Thresholds) -> Judged | None:
    if e.block_scales:
        return _scales_are_zero(e)
    if e.scale != 0.0:
        return None
    return _noop(e, "scale is 0, so the adapter changes nothing; give it another scale or leave it out")


def _scales_are_zero(e: Evidence) -> Judged | None:
    """Of all layers that would change."""
    if not e.silent_target_count or e.live_target_count or e.vanished_target_count:
        return None
    dead = f", and its other {e.zero_target_count} updates are exactly zero" if e.zero_target_count else ""
    said = f"scale is 0 on all {e.silent_target_count} layers that it would change{dead}"
    return _noop(e, f"{said}, so the adapter changes nothing; give some of them another scale or leave it out")


def _all_zero(e: Evidence, _: Thresholds) -> Judged | None:
    if e.zero_target_count < e.applied_target_count:
        return None
    return _noop(
        e,
        f"all {e.applied_target_count} updates are exactly zero: the file was saved before training, "
        "or its weights were lost; train or export it again",
    )


def _vanishes(e: Evidence, limits: Thresholds) -> Judged | None:
    faint = e.ratio is not None and e.ratio < limits.vanishing_ratio
    if not faint and e.live_target_count > 0:
        return None
    if e.delta_ratio is None:
        size = "" if e.typical_ratio is None else f", {e.typical_ratio:.1e} times the size of a typical base's weights,"
        return _noop(e, f"the update{size} is too small to survive on any base; train or export it again")
    return _noop(
        e,
        "the update is too small for the compute precision and vanishes; raise the scale or use a base of "
        "higher precision",
    )


def _cancelled(e: Evidence, _: Thresholds) -> Judged | None:
    if e.cancelled is None:
        return None
    scales = e.cancelled.scale_words
    if e.cancelled.one_file:
        return Judged(Verdict.NOOP, f"cancelled by the same file in this stack, whose {scales} add up to nothing")
    names = ", ".join(e.cancelled.names)
    return Judged(Verdict.NOOP, f"cancelled within this stack: {names} at {scales} add up to nothing")


def _arrives_nowhere(e: Evidence, limits: Thresholds) -> Judged | None:
    if e.probe_divergence is None or e.probe_divergence >= limits.unchanged_divergence:
        return None
    return Judged(
        Verdict.NOOP,
        f"a forward pass with it differs by {e.probe_divergence:.1e} from one without, which is nothing; "
        "raise the scale, or train it again",
    )


def _undone(e: Evidence, _: Thresholds) -> Judged | None:
    """On most of its layers; where most of it remains it is worth a warning only."""
    if not e.undone.count or 2 * e.undone.count <= e.live_target_count:
        return None
    said = e.undone.undone_words(e.live_target_count)
    return _partial(e, f"{said}; take one of them out of the stack, or give it another scale")


def _unknown_keys(e: Evidence, _: Thresholds) -> Judged | None:
    if not e.unmatched_key_count:
        return None
    return _partial(
        e,
        f"{e.unmatched_key_count} of {e.total_key_count} keys are unknown, first {e.first_unmatched_key!r}; "
        f"the file holds more than was applied{_likeness(e)}",
    )


def _likeness(e: Evidence) -> str:
    return f"; {e.nearest}" if e.nearest else ""


def _missing_parts(e: Evidence, _: Thresholds) -> Judged | None:
    if missing := e.target_count - e.applied_target_count:
        return _partial(e, f"{missing} of the {e.target_count} layers the file names could not be changed")
    return _partial(e, e.belied) if e.belied else None


def _dead_layers(e: Evidence, _: Thresholds) -> Judged | None:
    if not e.dead_target_count:
        return None
    where = f", first {e.first_zero_target!r}" if e.first_zero_target else ""
    what = "are zero" if not e.vanished_target_count else "are zero or too small to change a weight"
    if not e.zero_target_count:
        what = "are too small to change a weight"
    mend = "take another checkpoint, or export without these layers if they are meant to be left alone"
    return _partial(e, f"{e.dead_target_count} of {e.applied_target_count} updates {what}{where}; {mend}")


def _engaged(e: Evidence, _: Thresholds) -> Judged | None:
    ignored = f"; {e.ignored_key_count} keys knowingly left out" if e.ignored_key_count else ""
    changed = e.applied_target_count - e.silent_target_count
    said = f"{e.matched_key_count} of {e.total_key_count} keys changed {changed} layers{ignored}"
    return Judged(Verdict.ENGAGED, _noted(e, "; ".join([said, *_beside_others(e)])))


def _beside_others(e: Evidence) -> Iterator[str]:
    if e.silent_target_count:
        yield e.silent_words
    if e.undone.count:
        yield e.undone.undone_words(e.live_target_count)
    if e.drowned.count:
        yield e.drowned.drowned_words(e.live_target_count)


def _noop(e: Evidence, reason: str) -> Judged:
    return Judged(Verdict.NOOP, _noted(e, reason))


def _partial(e: Evidence, reason: str) -> Judged:
    return Judged(Verdict.PARTIAL, _noted(e, reason))


def _noted(e: Evidence, reason: str) -> str:
    return "; ".join([reason, *e.notes])


_RULES: tuple[Callable[[Evidence, Thresholds], Judged | None], ...] = (
    _refused,
    _nothing_applied,
    _scale_is_zero,
    _all_zero,
    _vanishes,
    _cancelled,
    _arrives_nowhere,
    _undone,
    _unknown_keys,
    _missing_parts,
    _dead_layers,
    _engaged,
)
"""In order of precedence: what makes nothing of an adapter goes before what makes less of it. The last always holds."""
