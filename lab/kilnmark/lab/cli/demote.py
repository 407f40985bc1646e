"""`kilnmark lab demote`: an adapter that is trusted no longer."""

import getpass
from contextlib import ExitStack
from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document

__all__ = ["demote"]


@click.command(short_help="Trust it no longer.")
@click.argument("name")
@click.option("--genre", required=True, metavar="NAME", help="Where it serves.")
@click.option("--packs", type=HomePath(exists=True, file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--why", required=True, metavar="REASON", help="What the history is to say.")
@click.option("--by", metavar="NAME", help="Who says so. [default: who is logged in]")
@click.option("--run", type=HomePath(exists=True, path_type=Path), metavar="RUN", help="Note it in this run, too.")
@json_option
def demote(name: str, *, genre: str, packs: Path, why: str, by: str | None, run: Path | None, as_json: bool) -> None:
    """Trust the adapter NAME of a genre no longer.

    Where promoted adapters are required it is refused from now on; what is under way is painted to its end.
    """
    from kilnmark.client.cli.views.tables import console, print_facts
    from kilnmark.lab.cli.promote import PromotionDocument
    from kilnmark.lab.promotion import promote as room
    from kilnmark.lab.run.folder import open_run

    if not why.strip():
        raise click.BadParameter("give a reason", param_hint="--why")
    with ExitStack() as stack:
        held = None if run is None else stack.enter_context(open_run(run))
        who = by or getpass.getuser()
        done = room.demote(packs.absolute(), genre, name, by=who, why=why)
        if held is not None:
            room.note_in_run(held, genre, done.adapter, by=who, demoted=True)
    document = PromotionDocument(
        name=name,
        genre=genre,
        file=done.adapter.file,
        sha256=done.adapter.sha256,
        manifest=str(done.manifest),
        by=who,
    )
    if as_json:
        write_document(document)
        return
    rows = [
        ("demoted", f"{name} in {genre}"),
        ("sha256", document.sha256),
        ("by", who),
        ("manifest", document.manifest),
    ]
    print_facts(console(), rows)
