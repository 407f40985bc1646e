"""`kilnmark lab verify`: one adapter before the gate, and its sign-off."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.state import Outcome
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from kilnmark.lab.gate.verify import ToVerify, Verified
    from kilnmark.lab.run.progress import Came

__all__ = ["verify"]

_EXITS = {Outcome.PASSED: ExitCode.DONE, Outcome.FAILED: ExitCode.NOT_ENGAGED, Outcome.UNDECIDED: ExitCode.FAILED}
_FILE = HomePath(path_type=Path, exists=True, dir_okay=False)
_FOLDER = HomePath(path_type=Path, exists=True, file_okay=False)


@click.command(short_help="Put an adapter before the gate.")
@click.argument("adapter", required=False, type=_FILE)
@click.option("--run", "folder", type=HomePath(path_type=Path), metavar="DIR", help="What its run.toml says holds.")
@click.option("--kind", type=click.Choice(["style", "subject"]), help="What it was trained to teach.")
@click.option("--trigger", metavar="WORDS", help="The words that call it up; none for a style that is always on.")
@click.option("--fires", is_flag=True, help="Refuse a style, too, that does the same without its trigger.")
@click.option("--base", metavar="VARIANT", help="The variant that it is painted on.")
@click.option("--scale", type=float, metavar="NUMBER", help="At which it is to be used. [default: 1, or the pick's]")
@click.option("--genre", metavar="NAME", help="Put it beside the adapters of this genre.")
@click.option("--beside", type=_FILE, multiple=True, metavar="FILE", help="And beside this one; repeatable.")
@click.option("--dataset", type=_FOLDER, metavar="DIR", help="What it was trained on, where no run says so.")
@click.option("--report", type=HomePath(path_type=Path), metavar="DIR", help="Where the report goes without a run.")
@click.option("--sign", metavar="NAME", help="Sign what the gate has passed, once its report was looked at.")
@click.option("--yes", is_flag=True, help="Ask nobody; only where [verify] unattended of the run allows it.")
@socket_option
@json_option
def verify(
    adapter: Path | None, *, folder: Path | None, sign: str | None, yes: bool, report: Path | None, **given: Any
) -> None:
    """Put ADAPTER before the gate: file, pictures, trigger, layers and neighbours, against limits that are data.

    Without ADAPTER it is what --run has picked. The exit code is 3 where the gate refuses it, 1 where it cannot decide.
    """
    if sign is not None:
        _sign(folder, _report_of(adapter, report), sign, yes=yes)
        _tell_next(folder, adapter, report, Outcome.PASSED, signed=True)
        return
    from kilnmark.client.tracing import traced_command
    from kilnmark.lab.gate.signing import read_signature
    from kilnmark.lab.run.progress import progress_of

    socket, as_json = given.pop("socket"), given.pop("as_json")
    with traced_command(measured=True) as measures:
        came = progress_of(measures, "gate")
        if folder is None:
            found = _alone(adapter, report, given, socket, came)
        else:
            with open_run(folder) as run:
                found = _of_run(run, adapter, given, socket, came)
    _show(found, as_json=as_json)
    if not as_json:
        _tell_next(folder, adapter, report, found.report.outcome, signed=read_signature(found.path) is not None)
    click.get_current_context().exit(_EXITS[found.report.outcome])


def _of_run(run: Run, adapter: Path | None, given: Mapping[str, Any], socket: str | None, came: "Came") -> "Verified":
    from kilnmark.client.sync import Client
    from kilnmark.lab.gate.of_run import asked_of, verify_run

    for name in ("kind", "trigger", "base"):
        decided = getattr(run.plan, name)
        if given[name] not in {None, decided}:
            raise click.BadParameter(f"run.toml says {decided!r}; change it there", param_hint=f"--{name}")
    asked = _with(asked_of(run, adapter), given)
    with Client(socket) as client:
        return verify_run(client, run, asked, _tell, came)


def _alone(
    adapter: Path | None, report: Path | None, given: Mapping[str, Any], socket: str | None, came: "Came"
) -> "Verified":
    from kilnmark.client.sync import Client
    from kilnmark.lab.gate.limits import limits_of
    from kilnmark.lab.gate.verify import ToVerify, verified

    if adapter is None or not given["kind"] or not given["base"]:
        raise click.UsageError("give ADAPTER with --kind and --base, or the --run that says them")
    asked = ToVerify(
        file=adapter.absolute(), kind=given["kind"], trigger=given["trigger"] or "", base=given["base"], seeds=(1,)
    )
    with Client(socket) as client:
        return verified(
            client,
            _with(asked, given),
            limits_of(asked.kind, fires=given["fires"]),
            _folder_of(adapter, report),
            _tell,
            came,
        )


def _tell(line: str) -> None:
    write_line(line, aside=True)


def _with(asked: "ToVerify", given: Mapping[str, Any]) -> "ToVerify":
    from kilnmark.lab.gate.report import DatasetFacts
    from kilnmark.lab.judging.references import dataset_pictures

    changed: dict[str, Any] = {name: given[name] for name in ("scale", "genre") if given[name] is not None}
    changed["others"] = tuple((str(path.absolute()), 1.0) for path in given["beside"])
    if given["dataset"] is not None:
        pictures = tuple(dataset_pictures(given["dataset"]))
        changed["dataset"] = pictures
        changed["facts"] = DatasetFacts(path=str(given["dataset"]), pictures=len(pictures), sha256=None)
    return msgspec.structs.replace(asked, **changed)


def _sign(folder: Path | None, report: Path | None, by: str, *, yes: bool) -> None:
    from kilnmark.lab.gate.of_run import sign_run
    from kilnmark.lab.gate.signing import sign

    if folder is not None:
        with open_run(folder) as run:
            found = run.state.verification
            _ask(by, run.folder / found.report if found else None, yes=yes)
            sign_run(run, by, asked=not yes)
    elif report is None:
        raise click.UsageError("give the --run, or the ADAPTER whose report is to be signed")
    else:
        if yes:
            raise click.BadParameter("only a run can allow that nobody is asked", param_hint="--yes")
        _ask(by, report, yes=yes)
        sign(report, by, asked=True)
    write_line(f"signed by {by}")


def _ask(by: str, report: Path | None, *, yes: bool) -> None:
    from kilnmark.lab.gate.errors import NotSigned
    from kilnmark.lab.gate.report import read_report

    if yes or report is None:
        return
    found = read_report(report)
    if found.outcome is not Outcome.PASSED:
        return  # nobody is asked about what cannot be signed, which is told then
    if not sys.stdin.isatty():
        raise NotSigned("nobody can be asked here", "sign at a terminal")
    for note in found.notes:
        write_line(f"note: {note}", aside=True)
    for sentence in found.left_open:
        write_line(f"left open: {sentence}", aside=True)
    click.confirm(
        f"{by}, did you look at {report.with_name('index.html')}, and do you answer for it?", abort=True, err=True
    )


def _tell_next(folder: Path | None, adapter: Path | None, report: Path | None, found: Outcome, *, signed: bool) -> None:
    from kilnmark.lab.cli.views.next import tell_next, tell_steps
    from kilnmark.lab.run.next import next_for_file

    if folder is not None:
        tell_next(folder)
    elif adapter is not None:
        tell_steps(next_for_file(str(adapter), str(_folder_of(adapter, report)), found, signed=signed))


def _folder_of(adapter: Path, report: Path | None) -> Path:
    return report or Path(f"{adapter.stem}.verify")


def _report_of(adapter: Path | None, report: Path | None) -> Path | None:
    from kilnmark.lab.gate.report import REPORT

    if adapter is None and report is None:
        return None
    return (report or _folder_of(adapter or Path(), None)) / REPORT


def _show(found: "Verified", *, as_json: bool) -> None:
    from kilnmark.client.cli.views.tables import console, plain, print_facts
    from kilnmark.lab.gate.report import PAGE

    if as_json:
        write_document(found.report)
        return
    out, report = console(), found.report
    words = {Outcome.PASSED: "passed", Outcome.FAILED: "refused", Outcome.UNDECIDED: "not decided"}
    print_facts(out, [("adapter", report.name), ("gate", f"{words[report.outcome]} by {report.limits}")])
    for check in report.checks:
        mark = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.UNDECIDED: "?"}[check.outcome]
        out.print(plain(f"{mark} {check.said}"), soft_wrap=True)
    for note in report.notes:
        out.print(plain(f"note: {note}"), soft_wrap=True)
    for sentence in report.unasked:
        out.print(plain(f"left open: {sentence}"), soft_wrap=True)
    out.print(plain(f"report: {found.path.with_name(PAGE)}"), soft_wrap=True)
