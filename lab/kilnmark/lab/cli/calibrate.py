"""`kilnmark lab calibrate`: limits of the gate from adapters whose truth is known."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line

if TYPE_CHECKING:
    from kilnmark.lab.gate.calibrate import GateCalibration, KnownAdapter

__all__ = ["calibrate"]

_REPORT = HomePath(path_type=Path, exists=True)


@click.command(short_help="Propose the gate's limits.")
@click.option("--kind", type=click.Choice(["style", "subject"]), required=True, help="Of the adapters.")
@click.option("--good", type=_REPORT, multiple=True, required=True, metavar="REPORT", help="One to be promoted.")
@click.option("--bad", type=_REPORT, multiple=True, required=True, metavar="REPORT", help="One to be kept out.")
@json_option
def calibrate(*, kind: str, good: tuple[Path, ...], bad: tuple[Path, ...], as_json: bool) -> None:
    """Propose limits from the reports of `lab verify` on adapters known good and known bad; nothing is changed.

    What is written is TOML for [verify.limits] of a run.toml. Comments tell the errors either way: on these adapters,
    and on each of them by limits from all others, which is what others are to expect.
    """
    from kilnmark.lab.gate.calibrate import calibrated
    from kilnmark.lab.gate.limits import limits_of

    known = [*_known(good, kind, is_good=True), *_known(bad, kind, is_good=False)]
    try:
        found = calibrated(known, limits_of("style" if kind == "style" else "subject"))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        write_document(found)
    else:
        _print(found)


def _known(paths: tuple[Path, ...], kind: str, *, is_good: bool) -> "list[KnownAdapter]":
    from kilnmark.lab.gate.calibrate import KnownAdapter
    from kilnmark.lab.gate.report import REPORT, read_report

    known = []
    for path in paths:
        report = read_report(path / REPORT if path.is_dir() else path)
        if report.kind != kind:
            raise click.UsageError(f"{path} is of a {report.kind}")
        known.append(KnownAdapter(str(path), is_good, report.figures))
    return known


def _print(found: "GateCalibration") -> None:
    bad = found.adapters - found.good
    for what, promoted, refused in (
        ("on these adapters", found.false_promotions, found.false_refusals),
        ("on each by limits from all others", found.unseen_promotions, found.unseen_refusals),
    ):
        write_line(
            f"# {what}: {len(promoted)} of {bad} bad ones promoted, {len(refused)} of {found.good} good ones refused"
        )
        for name in promoted:
            write_line(f"#   promoted: {name}")
        for name in refused:
            write_line(f"#   refused: {name}")
    write_line("[verify.limits]")
    for name, limit in found.limits.items():
        ends = {"least": limit.least, "most": limit.most}
        told = ", ".join(f"{end} = {value:.4g}" for end, value in ends.items() if value is not None)
        write_line(f"{name} = {{ {told} }}")
