"""What is said of adapters that were judged: an accusation of those that are not engaged, a warning of doubtful ones.

No verdict is made or changed here; what is doubtful was measured and stands in the report.
"""

import math
from collections.abc import Iterator, Sequence

from kilnmark.protocol.picture.evidence import Thresholds
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.strength import too_strong, too_strong_in, too_strong_together, usual_scale

__all__ = ["accusation", "warnings_of"]

_MOVES = 1.8
"""A forward pass moves by this times the delta ratio."""


def accusation(report: AdapterReport) -> str:
    """What is said of an adapter that is not engaged."""
    return f"{report.name} is {report.verdict}: {report.reason}"


def warnings_of(
    reports: Sequence[AdapterReport], thresholds: Thresholds, stack_ratio: float | None = None
) -> list[str]:
    """One sentence for every adapter that did not engage, or engaged too little to be seen, not everywhere, or too
    strongly; one for every file that stands in the stack more than once; and one for the stack, where only all together
    are too strong.

    Args:
        reports: In stack order.
        thresholds: Those of the verdicts.
        stack_ratio: Delta ratio of all of them together; None where it was not measured.
    """
    found = [said for report in reports if (said := _warning(report, thresholds.invisible_divergence))]
    found += _repeated(reports)
    ratio = stack_ratio or 0.0
    if ratio > thresholds.overwhelming_ratio and all(report.usual_scale is None for report in reports):
        factor = usual_scale(1.0, ratio, thresholds.usual_ratio * math.sqrt(len(reports)))
        found.append(too_strong_together(ratio, factor))
    return found


def _repeated(reports: Sequence[AdapterReport]) -> Iterator[str]:
    """Of each file that is applied several times, as where a style and a request both name it."""
    scales: dict[str, list[float]] = {}
    names: dict[str, str] = {}
    for report in reports:
        if report.sha256 and report.verdict in (Verdict.ENGAGED, Verdict.PARTIAL):
            scales.setdefault(report.sha256, []).append(report.scale)
            names.setdefault(report.sha256, report.name)
    by_blocks = {report.sha256 for report in reports if report.block_scales}
    for sha256, each in scales.items():
        if len(each) > 1 and sha256 in by_blocks:
            yield (
                f"{names[sha256]} stands {len(each)} times in this stack, with scales by blocks: on each layer "
                "they are added up; leave it in once if that is not meant"
            )
        elif len(each) > 1:
            yield (
                f"{names[sha256]} stands {len(each)} times in this stack, at scales {each}: that is one at scale "
                f"{math.fsum(each):.4g}; leave it in once if that is not meant"
            )


def _warning(report: AdapterReport, invisible: float) -> str:
    if report.verdict is not Verdict.ENGAGED:
        return accusation(report)
    if said := "; ".join(_doubts(report, invisible)):
        return f"{report.name} is engaged, but {said}"
    return ""


def _doubts(report: AdapterReport, invisible: float) -> Iterator[str]:
    undone, drowned = report.undone_targets, report.drowned_targets
    if undone.count:
        yield undone.undone_words(report.target_count)
    if drowned.count:
        yield drowned.drowned_words(report.target_count)
    if report.strong_target:
        yield too_strong_in(report.strong_target)
    elif report.usual_scale is not None and report.delta_ratio is not None:
        yield too_strong(report.delta_ratio, report.usual_scale, by_blocks=bool(report.block_scales))
    faint = _MOVES * report.delta_ratio if report.delta_ratio else invisible
    if report.probe_divergence is None and faint < invisible:
        said = f"its change is {report.delta_ratio:.1e} times the size of the base's weights"
        yield f"{said}, which nobody will see; raise its scale"
    if report.probe_divergence is not None and report.probe_divergence < invisible:
        yield f"a forward pass differs by {report.probe_divergence:.1e} only, which nobody will see; raise its scale"
