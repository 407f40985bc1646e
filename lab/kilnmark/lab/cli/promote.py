"""`kilnmark lab promote`: an adapter that the gate let through, trusted in a genre."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document

if TYPE_CHECKING:
    from kilnmark.lab.promotion.candidate import Candidate
    from kilnmark.protocol.content.promoted import PromotedAdapter

__all__ = ["PromotionDocument", "promote"]

_REPORT: Final = "The report of `kilnmark lab verify`, where no run was with it."


class PromotionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`lab promote --json` and `lab demote --json`.

    Attributes:
        name, genre, file, sha256: Of the adapter.
        manifest: Where it stands, or stood.
        by: Who signed.
        replaced: The hash that had its name before; None: none had.
        changed: False: it was so already.
        scale: That it was verified at; None: its report does not say.
    """

    name: str
    genre: str
    file: str
    sha256: str
    manifest: str
    by: str
    replaced: str | None = None
    changed: bool = True
    scale: float | None = None


@click.command(short_help="Trust an adapter in a genre.")
@click.argument("target", metavar="RUN|ADAPTER", type=HomePath(exists=True, path_type=Path))
@click.option("--genre", metavar="NAME", help="Where it is to serve. [default: as the run says]")
@click.option("--packs", type=HomePath(exists=True, file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--signed-by", required=True, metavar="NAME", help="Who answers for it.")
@click.option("--run", type=HomePath(exists=True, path_type=Path), metavar="RUN", help="The run that verified it.")
@click.option("--report", type=HomePath(exists=True, file_okay=False, path_type=Path), metavar="DIR", help=_REPORT)
@click.option("--name", metavar="NAME", help="What it is to be called. [default: as the run says]")
@click.option(
    "--why", default="", metavar="REASON", help="What the history is to say; needed against a judge's REJECT."
)
@json_option
def promote(target: Path, *, packs: Path, signed_by: str, as_json: bool, **given: Any) -> None:
    """Trust the adapter of RUN, or ADAPTER, in a genre: its bytes go into the genre's loras.yaml.

    Only what a signed report of `kilnmark lab verify` says passed, of exactly these bytes. One that had its name before
    is demoted with it.
    """
    from kilnmark.lab.promotion.promote import promote as promoted

    if not signed_by.strip():
        raise click.BadParameter("give a name", param_hint="--signed-by")
    packs = packs.absolute()
    with _candidate(target, packs, **given) as (candidate, where, note):
        done = promoted(candidate, packs, where, signed_by=signed_by, why=given["why"])
        note(done.adapter)
    _show(
        PromotionDocument(
            name=done.adapter.name,
            genre=where,
            file=str(candidate.path),
            sha256=done.adapter.sha256,
            manifest=str(done.manifest),
            by=done.adapter.signed_by,
            replaced=done.replaced,
            changed=done.changed,
            scale=done.adapter.verification.scale,
        ),
        as_json=as_json,
        outside=not candidate.path.resolve().is_relative_to(packs.resolve()),
    )


@contextmanager
def _candidate(
    target: Path,
    packs: Path,
    *,
    genre: str | None,
    run: Path | None,
    report: Path | None,
    name: str | None,
    why: str,
) -> "Iterator[tuple[Candidate, str, Callable[[PromotedAdapter], None]]]":
    """What is promoted, where, and who keeps in mind that it was: the run, which is held meanwhile, if there is one."""
    from kilnmark.lab.promotion.candidate import candidate_of, run_of
    from kilnmark.lab.promotion.promote import note_in_run
    from kilnmark.lab.promotion.reported import reported_candidate
    from kilnmark.lab.run.folder import open_run

    if run is not None and report is not None:
        raise click.UsageError("give --run or --report, not both")
    if report is not None:
        candidate, known = reported_candidate(report, target, name=name)
        yield candidate, _named(genre or known, "report"), lambda _: None
        return
    with open_run(run or run_of(target)) as held:
        where = _named(genre or held.plan.genre, "run")
        candidate = candidate_of(held, None if target.is_dir() else target, packs, name=name, why=why)
        yield candidate, where, lambda adapter: note_in_run(held, where, adapter, by=adapter.signed_by)


def _named(genre: str | None, source: str) -> str:
    if genre is None:
        raise click.BadParameter(f"the {source} names no genre; give one", param_hint="--genre")
    return genre


def _show(document: PromotionDocument, *, as_json: bool, outside: bool) -> None:
    from kilnmark.client.cli.views.tables import console, print_facts

    if as_json:
        write_document(document)
        return
    rows = [
        ("promoted", f"{document.name} in {document.genre}{'' if document.changed else ', as it was already'}"),
        ("sha256", document.sha256),
        ("signed by", document.by),
        ("manifest", document.manifest),
    ]
    if document.scale is not None:
        rows.append(("verified at", f"scale {document.scale:g}; `visual_style.yaml` says the one that it serves at"))
    if document.replaced is not None:
        rows.append(("demoted", f"{document.replaced}, which had its name"))
    if outside:
        rows.append(("note", f"{document.file} lies outside of the packs; `kilnmark lab deploy` copies it there"))
    print_facts(console(), rows)
