"""The judgement: what was found out about one adapter in, its verdict and the sentence that explains it out.

Every rule stands here, each once, in the order in which they are asked. Nothing is measured here, and no number about
the machine is known: keymaps says what the file holds, the engine what the base felt, and where a number becomes a word
comes in as `Thresholds`.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from kilnmark.protocol.picture.beside import Cancellation, LayersBeside
from kilnmark.protocol.picture.report import AdapterReport, Verdict

__all__ = ["Evidence", "Judged", "Thresholds", "accusation", "judge", "warnings_of"]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Where a measured number becomes a verdict. The defaults accuse nothing, for those who measure nothing.

    Attributes:
        vanishing_ratio: Delta ratio of a whole adapter below which no pixel changes.
        unchanged_divergence: Probe divergence below which nothing happened.
        invisible_divergence: Probe divergence below which nobody sees a difference, which is worth a warning only.
    """

    vanishing_ratio: float = 0.0
    unchanged_divergence: float = 0.0
    invisible_divergence: float = 0.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that `judge` decides on, for one adapter at one scale. What was not found out keeps its default.

    Attributes:
        refusal: Why it cannot be applied, in whole sentences for a person; None while nothing speaks against it.
        total_key_count: Tensors in the file.
        matched_key_count: Tensors that make its updates.
        ignored_key_count: Tensors knowingly left out.
        unmatched_key_count: Tensors nothing is known about.
        first_unmatched_key: The first of them.
        target_count: Layers that the file names.
        applied_target_count: Layers the updates were made for, whether or not they amount to anything.
        zero_target_count: Applied targets whose whole update is exactly zero.
        vanished_target_count: Applied targets whose non-zero update is lost when added in the compute precision.
        first_zero_target: The first that is zero, or else lost.
        scale: The scale the render asks for.
        delta_ratio: Frobenius norm of scale x delta over that of the base weights; None before a base has been asked.
        cancelled: The group of its stack that it is undone in; None for none.
        undone: Layers on which some of its stack, itself included, add up to nothing; dead ones do not count.
        drowned: Layers on which another of its stack changes so much more that nobody sees what it does.
        effective_share, stack_share, group_shares: As those of the report.
        quantized_survival: As that of the report.
        probe_divergence: How far a forward pass with it is from one without; None where it was not probed.
        belied: What is said of the file that it does not bear out on this base; a sentence without full stop.
        notes: What a reader of the reason must know of how the updates were made; sentences without full stop.
        nearest: Which convention the unknown names are most like, and how they differ; a sentence without full stop,
            empty when they are like none.
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

    @property
    def dead_target_count(self) -> int:
        """Applied targets whose weight stays the base's, to the last bit."""
        return self.zero_target_count + self.vanished_target_count

    @property
    def live_target_count(self) -> int:
        """Applied targets whose weight would change if it were alone."""
        return self.applied_target_count - self.dead_target_count


class Judged(msgspec.Struct, frozen=True):
    """What was judged.

    Attributes:
        verdict: The judgement.
        reason: One sentence a person can act on.
        changed_target_count: Layers whose weight is no longer the base's: what a report calls applied.
    """

    verdict: Verdict
    reason: str
    changed_target_count: int = 0

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
    return msgspec.structs.replace(found, changed_target_count=evidence.live_target_count - evidence.undone.count)


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
        return _noop(e, f"all {e.ignored_key_count} keys were knowingly left out, so nothing was applied")
    return _noop(e, "the file holds no tensors that change a layer")


def _scale_is_zero(e: Evidence, _: Thresholds) -> Judged | None:
    if e.scale != 0.0:
        return None
    return _noop(e, "scale is 0, so the adapter changes nothing; give it another scale or leave it out")


def _all_zero(e: Evidence, _: Thresholds) -> Judged | None:
    if e.zero_target_count < e.applied_target_count:
        return None
    return _noop(
        e,
        f"all {e.applied_target_count} updates are exactly zero: the file was saved before training, "
        "or its weights were lost; train or export it again",
    )


def _vanishes(e: Evidence, limits: Thresholds) -> Judged | None:
    faint = e.delta_ratio is not None and e.delta_ratio < limits.vanishing_ratio
    if not faint and e.dead_target_count < e.applied_target_count:
        return None
    return _noop(
        e,
        "the update is too small for the compute precision and vanishes; raise the scale or use a base of "
        "higher precision",
    )


def _cancelled(e: Evidence, _: Thresholds) -> Judged | None:
    if e.cancelled is None:
        return None
    scales = list(e.cancelled.scales)
    if e.cancelled.one_file:
        return Judged(
            Verdict.NOOP, f"cancelled by the same file in this stack, whose scales {scales} add up to nothing"
        )
    names = ", ".join(e.cancelled.names)
    return Judged(Verdict.NOOP, f"cancelled within this stack: {names} at scales {scales} add up to nothing")


def _arrives_nowhere(e: Evidence, limits: Thresholds) -> Judged | None:
    if e.probe_divergence is None or e.probe_divergence >= limits.unchanged_divergence:
        return None
    return Judged(
        Verdict.NOOP,
        f"a forward pass with it differs by {e.probe_divergence:.1e} from one without, which is nothing; "
        "raise the scale, or train it again",
    )


def _undone(e: Evidence, _: Thresholds) -> Judged | None:
    """On most of its layers; fewer are worth a warning only, since that can be what a stack was made for."""
    if not e.undone.count or 2 * e.undone.count <= e.live_target_count:
        return None
    return _partial(
        e,
        f"on {e.undone.count} of its {e.live_target_count} layers it is undone by {e.undone.who} ({e.undone.where}); "
        "take one of them out of the stack, or give it another scale",
    )


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
    return _partial(e, f"{e.dead_target_count} of {e.applied_target_count} updates are zero{where}")


def _engaged(e: Evidence, _: Thresholds) -> Judged | None:
    ignored = f"; {e.ignored_key_count} keys knowingly left out" if e.ignored_key_count else ""
    said = f"{e.matched_key_count} of {e.total_key_count} keys changed {e.applied_target_count} layers{ignored}"
    return Judged(Verdict.ENGAGED, _noted(e, said))


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


def accusation(report: AdapterReport) -> str:
    """What is said of an adapter that is not engaged."""
    return f"{report.name} is {report.verdict}: {report.reason}"


def warnings_of(reports: Sequence[AdapterReport], thresholds: Thresholds) -> list[str]:
    """One sentence for every adapter that did not engage, or engaged too little to be seen, or not everywhere."""
    return [said for report in reports if (said := _warning(report, thresholds.invisible_divergence))]


def _warning(report: AdapterReport, invisible: float) -> str:
    if report.verdict is not Verdict.ENGAGED:
        return accusation(report)
    if said := "; ".join(_doubts(report, invisible)):
        return f"{report.name} is engaged, but {said}"
    return ""


def _doubts(report: AdapterReport, invisible: float) -> Iterator[str]:
    undone, drowned = report.undone_targets, report.drowned_targets
    if undone.count:
        yield f"on {undone.count} of its {report.target_count} layers it is undone by {undone.who} ({undone.where})"
    if drowned.count:
        yield (
            f"on {drowned.count} of its {report.target_count} layers {drowned.who} changes so much more that nobody "
            "will see it; raise its scale, or lower the other's"
        )
    if report.probe_divergence is not None and report.probe_divergence < invisible:
        yield f"a forward pass differs by {report.probe_divergence:.1e} only, which nobody will see; raise its scale"
