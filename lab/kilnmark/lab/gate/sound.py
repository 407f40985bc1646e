"""Whether a report says what its own numbers say: whoever edits one by hand changes a word, and seldom all that it
rests on. Nothing is measured or written here.
"""

from collections.abc import Iterator
from pathlib import Path

from kilnmark.keymaps.files.outputs import sha256_of
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.report import GateReport
from kilnmark.lab.run.state import Outcome

__all__ = ["contradiction", "strange_picture"]


def contradiction(report: GateReport) -> str | None:
    """What in a report that says `passed` speaks against that, in words; None: nothing does."""
    return next(_contradictions(report), None)


def strange_picture(report: GateReport, folder: Path) -> str | None:
    """A picture of a report that is not the one that was painted for it, in words; None: all are there as they were."""
    for picture in report.pictures:
        try:
            with (folder / picture.file).open("rb") as file:
                found = sha256_of(file)
        except OSError as error:
            return f"its picture {picture.file} cannot be read ({error.strerror})"
        if found != picture.sha256:
            return f"its picture {picture.file} is another one than was painted"
    return None


def _contradictions(report: GateReport) -> Iterator[str]:
    usual, known = limits_of(report.kind), report.figures.known()
    checked = {check.figure: check for check in report.checks}
    for name, check in checked.items():
        if check.outcome is Outcome.FAILED:
            yield f"its check of {name} failed"
        if check.value != known.get(name):
            yield f"its check of {name} is of another number than its figures have"
    for name in usual.needs:
        if name not in checked or name not in known:
            yield f"{name} is missing"
    for name in checked.keys() & usual.hard.keys() & known.keys():
        if not usual.hard[name].holds(known[name]):
            yield f"{name} is {known[name]:.3g}, and nothing passes without {usual.hard[name]}"
