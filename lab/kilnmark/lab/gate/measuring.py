"""Figures of an adapter from its file, its pictures, its dataset and its neighbours. Nothing is judged here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from kilnmark.lab.gate.figures import GateFigures
from kilnmark.lab.gate.neighbours import WeighedStack
from kilnmark.lab.gate.painting import GatePicture, Shown
from kilnmark.lab.judging.likeness import DatasetLikeness
from kilnmark.lab.measures.gallery import Gallery
from kilnmark.lab.measures.health import Collapse, Slack, usual
from kilnmark.lab.measures.kept import kept
from kilnmark.lab.measures.measure import Picture, looks, read_picture, ssim
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.inspection import Inspection

__all__ = ["LayerShare", "by_layer", "of_dataset", "of_file", "of_neighbours", "of_pictures"]

Pictures = Mapping[tuple[Shown, int], GatePicture]
_FEW = 2
"""Pictures below which nothing is told of a dataset."""


class LayerShare(msgspec.Struct, frozen=True):
    """How much of an adapter's change is in one layer.

    Attributes:
        path: Of the layer.
        share: Of the squares of all norms.
    """

    path: str
    share: float


def by_layer(inspection: Inspection) -> tuple[LayerShare, ...]:
    """The effect of each layer, the largest first; empty where there is none to tell of."""
    sizes = {one.path: one.norm**2 for one in inspection.targets if one.norm is not None}
    total = sum(sizes.values())
    if not total > 0 or not math.isfinite(total):
        return ()
    return tuple(LayerShare(path, size / total) for path, size in sorted(sizes.items(), key=lambda pair: -pair[1]))


def of_file(inspection: Inspection) -> GateFigures:
    """What the file alone tells."""
    shares, total = by_layer(inspection), inspection.total_key_count
    return GateFigures(
        keys=inspection.matched_key_count / total if total else 0.0,
        layers=_share(inspection.applied_target_count, inspection.target_count),
        rank=float(inspection.rank),
        ratio=inspection.typical_ratio,
        loudest=shares[0].share if shares else None,
        unmeasured={} if shares else {"loudest": "no layer has a size that can be told without a base"},
    )


def of_pictures(figures: GateFigures, pictures: Pictures) -> GateFigures:
    """With what pictures with and without it tell."""
    shown = Shown.TRIGGER if any(key[0] is Shown.TRIGGER for key in pictures) else Shown.CONTROL
    with_it = _pixels(pictures, shown)
    bare = _pixels(pictures, Shown.BARE_TRIGGER if shown is Shown.TRIGGER else Shown.BARE_CONTROL)
    report = next(one.reports[0] for one in pictures.values() if one.reports)
    own = kept(bare, bare).nearness
    found = msgspec.structs.replace(
        figures,
        layers=_share(report.applied_target_count, report.target_count),
        ratio=report.delta_ratio if report.delta_ratio is not None else figures.ratio,
        unlike=_alike(with_it, bare),
        kept=kept(with_it, bare).nearness / own if own > 0 else None,
    )
    if found.kept is None:
        found = _without(found, {"kept": "the base itself cannot tell these prompts apart"})
    return _with_trigger(found, pictures) if shown is Shown.TRIGGER else _always_on(found)


def of_dataset(figures: GateFigures, pictures: Pictures, dataset: Sequence[Path] | None, why: str) -> GateFigures:
    """With what its pictures are like beside those that it was trained on, and the base's.

    Args:
        figures: So far.
        pictures: All of them.
        dataset: Pictures that it was trained on; None: nobody knows them.
        why: Why nobody does.
    """
    with_it = [read_picture(one.path) for one in pictures.values() if one.shot.shown.has_adapter]
    called = _pixels(pictures, Shown.TRIGGER) or _pixels(pictures, Shown.CONTROL)
    bare = [*_pixels(pictures, Shown.BARE_CONTROL), *_pixels(pictures, Shown.BARE_TRIGGER)]
    trained = [] if dataset is None else [read_picture(path) for path in dataset]
    found = msgspec.structs.replace(figures, strange=_strange(with_it, bare, trained))
    if len(trained) < _FEW:
        missing = why if dataset is None else "its dataset has fewer than two pictures"
        return _without(found, {"towards": missing, "memorised": missing})
    found = _towards(found, DatasetLikeness(trained, bare), called)
    return msgspec.structs.replace(found, memorised=_memorised(trained, called))


def of_neighbours(figures: GateFigures, stacks: Sequence[WeighedStack]) -> GateFigures:
    """With what becomes of it and of its genre's others when all are on: the worst of every stack.

    What the others take from each other without it is not counted.
    """
    if not stacks:
        alone = "it was not put beside others of a genre"
        return _without(figures, {"left": alone, "paints": alone, "undone": alone})
    left = [share for stack in stacks for share in _left(stack)]
    shared = [share for stack in stacks for share in _shared(stack)]
    found = msgspec.structs.replace(
        figures,
        left=None if None in left else min(share for share in left if share is not None),
        paints=max(shared, default=None),
        undone=float(max(stack.own.undone_targets.count for stack in stacks)),
    )
    if found.left is None:
        found = _without(found, {"left": "the daemon did not tell what is left of each"})
    return found if shared else _without(found, {"paints": "they change no group of layers together"})


def _left(stack: WeighedStack) -> Iterator[float | None]:
    """What is left of it, and of each other one by its doing: an inner product, so that what each takes adds up."""
    yield _share_of(stack.own)
    for beside, without in zip(stack.others, stack.without, strict=True):
        now, before = _share_of(beside), _share_of(without)
        yield None if now is None or before is None else 1 + now - before


def _share_of(report: AdapterReport) -> float | None:
    """Nothing of one that is not applied; it was before, or would not be in a stack."""
    is_applied = report.verdict in {Verdict.ENGAGED, Verdict.PARTIAL}
    return report.effective_share if is_applied else 0.0


def _shared(stack: WeighedStack) -> list[float]:
    """The largest share of each group of layers that it changes, too; where one is alone, it takes nobody's."""
    groups: dict[str, list[float]] = {}
    for report in (stack.own, *stack.others):
        for name, share in report.group_shares.items():
            groups.setdefault(name, []).append(share)
    return [max(shares) for name, shares in groups.items() if len(shares) > 1 and name in stack.own.group_shares]


def _with_trigger(figures: GateFigures, pictures: Pictures) -> GateFigures:
    trigger, control, nonsense = (_pixels(pictures, shown) for shown in (Shown.TRIGGER, Shown.CONTROL, Shown.NONSENSE))
    to_control, to_nonsense, between = _alike(trigger, control), _alike(trigger, nonsense), _alike(control, nonsense)
    apart = 1 - between
    return msgspec.structs.replace(
        figures,
        trigger_control=to_control,
        trigger_nonsense=to_nonsense,
        fires=(1 - max(to_control, to_nonsense)) / apart if apart > 0 else None,
    )


def _always_on(figures: GateFigures) -> GateFigures:
    why = "it has no trigger: a style that is always on"
    return _without(figures, dict.fromkeys(("trigger_control", "trigger_nonsense", "fires"), why))


def _without(figures: GateFigures, why: Mapping[str, str]) -> GateFigures:
    return msgspec.structs.replace(figures, unmeasured=figures.unmeasured | dict(why))


def _strange(painted: Sequence[Picture], bare: Sequence[Picture], trained: Sequence[Picture]) -> float:
    """What the base itself paints is no collapse, however empty its night in fog is; and without a dataset nobody knows
    how far from the base a style is meant to be, so that only a collapse counts.
    """
    usually, slack, least = usual([looks(one) for one in (*bare, *trained)]), Slack(), Collapse()
    collapse = Collapse(
        entropy=min(least.entropy, usually.low.entropy), deviation=min(least.deviation, usually.low.deviation)
    )
    found = [looks(one) for one in painted]
    odd = [bool(trained) and bool(usually.strange(one, slack)) for one in found]
    return sum(collapse.of(one) is not None or is_odd for one, is_odd in zip(found, odd, strict=True)) / len(found)


def _towards(figures: GateFigures, likeness: DatasetLikeness, painted: Sequence[Picture]) -> GateFigures:
    scores = [value for one in painted for value in likeness.scores(one).values()]
    if not scores:
        return _without(figures, {"towards": "the base paints like the dataset already, as far as numbers can tell"})
    return msgspec.structs.replace(figures, towards=float(np.mean(scores)))


def _memorised(trained: Sequence[Picture], painted: Sequence[Picture]) -> float | None:
    gallery = Gallery((str(at), one) for at, one in enumerate(trained))
    usually = float(np.median(gallery.spacing()))
    nearest = [found.distance for one in painted if (found := gallery.nearest(one)) is not None]
    return min(nearest) / usually if nearest and usually > 0 else None


def _pixels(pictures: Pictures, shown: Shown) -> list[Picture]:
    return [read_picture(one.path) for (how, _), one in sorted(pictures.items(), key=_place) if how is shown]


def _place(pair: tuple[tuple[Shown, int], GatePicture]) -> int:
    return pair[0][1]


def _alike(some: Sequence[Picture], others: Sequence[Picture]) -> float:
    return float(np.mean([ssim(one, other) for one, other in zip(some, others, strict=True)]))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
