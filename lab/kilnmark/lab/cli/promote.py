"""`kilnmark lab promote`: an adapter that the gate let through, trusted in a genre."""

from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.views.document import write_document

__all__ = ["PromotionDocument", "promote"]


class PromotionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`lab promote --json` and `lab demote --json`.

    Attributes:
        name, genre, file, sha256: Of the adapter.
        manifest: Where it stands, or stood.
        by: Who signed.
        replaced: The hash that had its name before; None: none had.
        changed: False: it was so already.
    """

    name: str
    genre: str
    file: str
    sha256: str
    manifest: str
    by: str
    replaced: str | None = None
    changed: bool = True


@click.command()
@click.argument("target", metavar="RUN|ADAPTER", type=click.Path(exists=True, path_type=Path))
@click.option("--genre", metavar="NAME", help="Where it is to serve. [default: as the run says]")
@click.option("--packs", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--signed-by", required=True, metavar="NAME", help="Who answers for it.")
@click.option("--run", type=click.Path(exists=True, path_type=Path), metavar="RUN", help="The run that verified it.")
@click.option("--name", metavar="NAME", help="What it is to be called. [default: as the run says]")
@click.option(
    "--why", default="", metavar="REASON", help="What the history is to say; needed against a judge's REJECT."
)
@json_option
def promote(
    target: Path,
    *,
    genre: str | None,
    packs: Path,
    signed_by: str,
    run: Path | None,
    name: str | None,
    why: str,
    as_json: bool,
) -> None:
    """Trust the adapter of RUN, or ADAPTER, in a genre: its bytes go into the genre's loras.yaml.

    Only what a signed report of `kilnmark lab verify` says passed, of exactly these bytes. One that had its name before
    is demoted with it.
    """
    from kilnmark.lab.promotion import promote as room
    from kilnmark.lab.promotion.candidate import candidate_of, run_of
    from kilnmark.lab.run.folder import open_run

    if not signed_by.strip():
        raise click.BadParameter("give a name", param_hint="--signed-by")
    packs = packs.absolute()
    with open_run(run or run_of(target)) as held:
        where = genre or held.plan.genre
        if where is None:
            raise click.BadParameter("the run names no genre; give one", param_hint="--genre")
        candidate = candidate_of(held, None if target.is_dir() else target, packs, name=name, why=why)
        done = room.promote(candidate, packs, where, signed_by=signed_by, why=why)
        room.note_in_run(held, where, done.adapter, by=done.adapter.signed_by)
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
        ),
        as_json=as_json,
        outside=not candidate.path.resolve().is_relative_to(packs.resolve()),
    )


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
    if document.replaced is not None:
        rows.append(("demoted", f"{document.replaced}, which had its name"))
    if outside:
        rows.append(("note", f"{document.file} lies outside of the packs; `kilnmark lab deploy` copies it there"))
    print_facts(console(), rows)
