"""One adapter before the gate: looked at, painted, measured, held to limits, and reported. `kilnmark lab verify`.

Where each of these is decided, other modules have it; the order stands here.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from kilnmark.client.sync import Client
from kilnmark.keymaps.files.outputs import sha256_of
from kilnmark.lab.gate.checks import checked, outcome_of
from kilnmark.lab.gate.errors import NothingToVerify
from kilnmark.lab.gate.figures import TRIGGER_FIGURES, GateFigures
from kilnmark.lab.gate.limits import GateLimits
from kilnmark.lab.gate.measuring import by_layer, of_dataset, of_file, of_neighbours, of_pictures
from kilnmark.lab.gate.neighbours import Neighbourhood, WeighedStack, neighbours_of, weighed
from kilnmark.lab.gate.painting import GateCandidate, GatePicture, Shown, painted, shots_of
from kilnmark.lab.gate.report import DatasetFacts, GateReport, Neighbour, ReportedPicture, read_report, write_report
from kilnmark.lab.run.folder import now
from kilnmark.lab.run.plan import LoraKind
from kilnmark.lab.run.progress import Came, nobody
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.inspection import Inspection

__all__ = ["ToVerify", "Verified", "verified"]


class ToVerify(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be verified, and as what.

    Attributes:
        file: The adapter.
        kind, trigger, base, scale: As what.
        seeds: Of the pictures.
        numbers: Of the pictures.
        genre: Whose others it is put beside; None: nobody's.
        others: Adapters that it is put beside, with their scales, besides those of the genre.
        dataset: Pictures that it was trained on; None: nobody knows them.
        facts: What is known of the dataset.
        name: What it is called where it serves; None: nobody says so, and it is called as its file.
    """

    file: Path
    kind: LoraKind
    trigger: str
    base: str
    scale: float = 1.0
    seeds: tuple[int, ...] = (1,)
    numbers: dict[str, int] = {}
    genre: str | None = None
    others: tuple[tuple[str, float], ...] = ()
    dataset: tuple[Path, ...] | None = None
    facts: DatasetFacts | None = None
    name: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        report: What was found.
        path: The report's document.
        sha256: Of the document's bytes.
    """

    report: GateReport
    path: Path
    sha256: str


def verified(
    client: Client,
    asked: ToVerify,
    limits: GateLimits,
    folder: Path,
    tell: Callable[[str], None] | None = None,
    came: Came = nobody,
) -> Verified:
    """Put an adapter before the gate.

    Args:
        client: Of a daemon that reads the file.
        asked: What is to be verified.
        limits: What it is held to.
        folder: Where report and pictures go.
        tell: Takes a line for people as each picture is done; None: nobody listens.
        came: Told of each picture.

    Raises:
        NothingToVerify: The file is not there, its trigger is none, or one that it is put beside does nothing.
        KilnmarkError: What a picture ended with that is no fault of the adapter.
        RunUnusable: The report cannot be written.
    """
    _check(asked, limits)
    inspection = client.lora_inspect([asked.file], variant=asked.base, targets=True).files[0]
    if _is_worth_painting(inspection, limits):
        seen = _seen(client, asked, inspection, limits, folder, tell, came)
    else:
        seen = _unseen(inspection)
    path = write_report(folder, _report(asked, inspection, seen, limits))
    with path.open("rb") as file:
        return Verified(report=read_report(path), path=path, sha256=sha256_of(file))


class _LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, of which pictures and stacks, and what has to be known beside it."""

    figures: GateFigures
    pictures: Mapping[tuple[Shown, int], GatePicture] = {}
    stacks: tuple[WeighedStack, ...] = ()
    notes: tuple[str, ...] = ()


def _seen(
    client: Client,
    asked: ToVerify,
    inspection: Inspection,
    limits: GateLimits,
    folder: Path,
    tell: Callable[[str], None] | None,
    came: Came,
) -> _LookedAt:
    candidate = _candidate(asked, inspection)
    neighbours = neighbours_of(client, candidate, Neighbourhood(asked.genre, asked.others, asked.name))
    pictures = painted(client, candidate, shots_of(candidate, limits), folder, tell, came)
    figures = of_pictures(of_file(inspection), pictures)
    figures = of_dataset(figures, pictures, asked.dataset, "no dataset is known" if asked.dataset is None else "")
    stacks = weighed(client, candidate, neighbours.stacks)
    return _LookedAt(figures=of_neighbours(figures, stacks), pictures=pictures, stacks=stacks, notes=neighbours.notes)


def _unseen(inspection: Inspection) -> _LookedAt:
    figures, why = of_file(inspection), f"the file is {inspection.verdict}, and nothing was painted"
    return _LookedAt(figures=msgspec.structs.replace(figures, unmeasured=_nothing_but(figures, why)))


def _check(asked: ToVerify, limits: GateLimits) -> None:
    if not asked.file.is_file():
        raise NothingToVerify(f"{asked.file} is no file", "name an adapter")
    if limits.asks_trigger and not asked.trigger:
        raise NothingToVerify(f"a {asked.kind} without a trigger cannot fire on it", "give its --trigger")
    if asked.trigger and not re.search(r"\w", asked.trigger):
        raise NothingToVerify(f"{asked.trigger!r} is no word", "give the words that it was trained with")


def _is_worth_painting(inspection: Inspection, limits: GateLimits) -> bool:
    """What is refused, unknown for the most part, dead or half dead is so before any picture."""
    found, engaged = of_file(inspection), inspection.verdict in {Verdict.ENGAGED, Verdict.PARTIAL}
    return engaged and all(limits.hard[name].holds(getattr(found, name)) for name in ("keys", "layers"))


def _candidate(asked: ToVerify, inspection: Inspection) -> GateCandidate:
    return GateCandidate(
        file=asked.file,
        sha256=inspection.sha256,
        trigger=asked.trigger,
        base=asked.base,
        scale=asked.scale,
        seeds=asked.seeds,
        numbers=asked.numbers,
    )


def _nothing_but(figures: GateFigures, why: str) -> dict[str, str]:
    known = figures.known()
    return {name: why for name in GateFigures.__struct_fields__ if name not in known and name != "unmeasured"}


def _report(asked: ToVerify, inspection: Inspection, seen: _LookedAt, limits: GateLimits) -> GateReport:
    checks = checked(seen.figures, limits)
    outcome, reasons = outcome_of(checks, limits)
    if reasons and inspection.verdict is not Verdict.ENGAGED:
        reasons = (f"inspection says {inspection.verdict}: {inspection.reason}", *reasons)
    return GateReport(
        at=now(),
        kilnmark=version("kilnmark"),
        name=asked.file.stem,
        sha256=inspection.sha256,
        kind=asked.kind,
        trigger=asked.trigger,
        base=asked.base,
        scale=asked.scale,
        genre=asked.genre,
        limits=limits.name,
        outcome=outcome,
        reasons=reasons,
        checks=checks,
        notes=(*_notes(asked, seen.figures, limits), *seen.notes),
        figures=seen.figures,
        inspection=f"{inspection.verdict}: {inspection.reason}",
        convention=inspection.convention,
        adapter_kind=inspection.kind,
        strength_from=inspection.strength_from,
        layers=by_layer(inspection),
        neighbours=tuple(_neighbours(seen.stacks)),
        dataset=asked.facts,
        pictures=_shown(seen.pictures),
        unasked=_unasked(asked, seen.figures, limits),
    )


def _notes(asked: ToVerify, figures: GateFigures, limits: GateLimits) -> tuple[str, ...]:
    """What is no fault of it, and should be known before somebody signs."""
    if limits.asks_trigger or figures.fires is None or figures.fires >= 1:
        return limits.looser
    alike = f"its pictures without {asked.trigger!r} are like those with it (SSIM {figures.trigger_control:.3f})"
    return (*limits.looser, f"it is always on: {alike}")


def _unasked(asked: ToVerify, figures: GateFigures, limits: GateLimits) -> tuple[str, ...]:
    """Whether it needs its trigger is asked of a subject, and of a style where somebody wants it."""
    if limits.asks_trigger:
        return ()
    if not asked.trigger:
        return ("whether it needs a trigger was not asked: it has none",)
    known = figures.known()
    found = ", ".join(f"{name} {known[name]:.3g}" for name in TRIGGER_FIGURES if name in known)
    said = f"whether it needs {asked.trigger!r} was not asked, since a style may be always on"
    mend = "fires = true under [verify], or --fires, asks for it"
    return (f"{said}{' (' if found else ''}{found}{')' if found else ''}; {mend}",)


def _shown(pictures: Mapping[tuple[Shown, int], GatePicture]) -> tuple[ReportedPicture, ...]:
    order = list(Shown)
    found = sorted(pictures.values(), key=lambda one: (one.shot.scene, order.index(one.shot.shown)))
    return tuple(
        ReportedPicture(
            shown=one.shot.shown,
            scene=one.shot.scene,
            prompt=one.shot.prompt,
            seed=one.shot.seed,
            file=one.path.name,
            sha256=one.sha256,
        )
        for one in found
    )


def _neighbours(stacks: Sequence[WeighedStack]) -> Iterator[Neighbour]:
    for at, stack in enumerate(stacks):
        yield from (_neighbour(at, report) for report in (stack.own, *stack.others))


def _neighbour(stack: int, report: AdapterReport) -> Neighbour:
    return Neighbour(
        stack=stack,
        name=report.name,
        scale=report.scale,
        effective_share=report.effective_share,
        stack_share=report.stack_share,
        group_shares=report.group_shares,
        undone=report.undone_targets.count,
    )
