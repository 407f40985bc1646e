"""The report of a verification: a document and a page, beside its pictures. What stands in it is decided elsewhere."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.checks import GateCheck
from kilnmark.lab.gate.errors import NothingToVerify
from kilnmark.lab.gate.figures import GateFigures
from kilnmark.lab.gate.measuring import LayerShare
from kilnmark.lab.run.plan import LoraKind
from kilnmark.lab.run.state import Outcome
from kilnmark.protocol.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = [
    "PAGE",
    "REPORT",
    "DatasetFacts",
    "GateReport",
    "Neighbour",
    "ReportedPicture",
    "read_report",
    "write_report",
]

REPORT: Final = "report.json"
PAGE: Final = "index.html"
_LAYERS = 20
"""Of its layers that the page shows."""


class ReportedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the report.

    Attributes:
        shown: What it is painted with.
        scene: Of which scene.
        prompt: All of it.
        seed: Of the noise.
        file: In the report's folder.
        sha256: Of its bytes.
    """

    shown: str
    scene: int
    prompt: str
    seed: int
    file: str
    sha256: str


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a stack that it was put into, itself among them.

    Attributes:
        stack: Which stack.
        name: What it is called.
        scale: At which it is on.
        effective_share, stack_share, group_shares, undone: As reports have them.
    """

    stack: int
    name: str
    scale: float
    effective_share: float | None
    stack_share: float | None
    group_shares: dict[str, float]
    undone: int


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What it was trained on.

    Attributes:
        path: Where it lies.
        pictures: How many it has.
        sha256: Of all files of it, as the preflight has it; None where nobody looked.
    """

    path: str
    pictures: int
    sha256: str | None


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a verification found.

    Attributes:
        at: When, in UTC.
        kilnmark: The version that verified.
        name: Of the adapter.
        sha256: Of its bytes and the config beside it.
        kind, trigger, base, scale, genre: What it was verified as.
        limits: What it was held to, with the version.
        outcome: What it comes to.
        reasons: Why it is not passed, in sentences.
        checks: Every limit.
        figures: Every number.
        notes: What is no fault of it, and should be known before somebody signs it.
        unasked: What no limit was held to, in sentences.
        inspection: What the file is, in a sentence.
        convention, adapter_kind, strength_from: Of the file, as `kilnmark lora inspect` has them.
        layers: The effect of each layer.
        neighbours: The stacks that it was put into; empty: none.
        dataset: What it was trained on; None: nobody knows.
        pictures: All of them.
    """

    at: str
    kilnmark: str
    name: str
    sha256: str
    kind: LoraKind
    trigger: str
    base: str
    scale: float
    genre: str | None
    limits: str
    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[GateCheck, ...]
    figures: GateFigures
    notes: tuple[str, ...]
    inspection: str
    convention: str
    adapter_kind: str
    strength_from: dict[str, int]
    layers: tuple[LayerShare, ...]
    neighbours: tuple[Neighbour, ...] = ()
    dataset: DatasetFacts | None = None
    pictures: tuple[ReportedPicture, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def left_open(self) -> tuple[str, ...]:
        """What passing or not deciding does not tell: what was not asked, and what was and could not be measured."""
        if self.outcome is Outcome.FAILED:
            return ()
        unmeasured = (one.said for one in self.checks if one.outcome is Outcome.UNDECIDED)
        return (*self.unasked, *(said for said in unmeasured if said not in self.reasons))


def write_report(folder: Path, report: GateReport) -> Path:
    """Write the document and the page, each whole; the pictures are there already.

    A report that finds what the last one found leaves that one, so that a signature of it stays one.

    Returns:
        The document.

    Raises:
        RunUnusable: They cannot be written.
    """
    goal = folder / REPORT
    try:
        if _is_there(goal, report):
            return goal
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / PAGE, _page(report).encode())
        _write(goal, msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    except OSError as error:
        raise RunUnusable(str(goal), error.strerror or str(error), "make room for it, and verify it again") from error
    return goal


def read_report(path: Path) -> GateReport:
    """A report's document.

    Raises:
        NothingToVerify: It cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=GateReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NothingToVerify(f"{path} is no report of a verification: {error}", "verify the adapter") from error


def _is_there(goal: Path, report: GateReport) -> bool:
    if not goal.is_file():
        return False
    try:
        last = read_report(goal)
    except NothingToVerify:
        return False
    return msgspec.structs.replace(last, at=report.at) == report


def _write(path: Path, data: bytes) -> None:
    with written_whole(path, alone=True) as file:
        file.write(data)


def _page(report: GateReport) -> str:
    return _template().render(
        report=report,
        name=printable(report.name),
        scenes=_scenes(report),
        layers=report.layers[:_LAYERS],
        more=max(0, len(report.layers) - _LAYERS),
    )


@cache
def _template() -> "Template":
    """Each of its values escaped, each of its names known."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files(__package__).joinpath("page.html").read_text("utf-8"))


def _scenes(report: GateReport) -> Mapping[int, list[ReportedPicture]]:
    scenes: dict[int, list[ReportedPicture]] = {}
    for picture in report.pictures:
        scenes.setdefault(picture.scene, []).append(picture)
    return scenes
