"""`kilnmark review`: the review page of a batch, served so that decisions are written and pictures painted again."""

from pathlib import Path

import click

from kilnmark.client.cli.options import WholeNumber, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.person import login
from kilnmark.client.cli.views.document import write_line

__all__ = ["review"]

_FOLDER = HomePath(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Look at a batch's pictures, and decide.")
@click.argument("folder", metavar="[DIR]", type=_FOLDER, default=Path("pictures"))
@click.option(
    "--packs", type=_FOLDER, metavar="DIR", help="The folder of packs. [default: the one it was painted from]"
)
@click.option(
    "--picks",
    type=HomePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where decisions are written. [default: picks.yaml in DIR; that in the packs is read, too]",
)
@click.option(
    "--port", type=WholeNumber(0, 65535), default=0, metavar="N", help="To listen on. [default: one that is free]"
)
@click.option("--by", metavar="NAME", help="Who decides. [default: you, by your login]")
@socket_option
def review(folder: Path, packs: Path | None, picks: Path | None, port: int, by: str | None, socket: str | None) -> None:
    """Serve the review page of the pictures in DIR (pictures), on loopback, until Ctrl-C.

    Open the address that is printed: it carries a token that nobody else has. What is accepted, rejected or pinned
    there is written into picks.yaml at once; re-rolls are painted by the daemon, and appear when they are there.
    Several may look and decide at once. Without a daemon everything but painting works.
    """
    from kilnmark.client.batch.picks.file import PicksFiles
    from kilnmark.client.batch.review.app import Review
    from kilnmark.client.batch.review.serve import serve_review
    from kilnmark.client.batch.run.manifest import read_manifest

    asked = read_manifest(folder).asked
    beside = packs or (Path(asked[0].packs) if asked else None)
    files = PicksFiles.of(folder, beside, picks)
    person = login() if by is None else by
    serve_review(
        Review(folder, files, packs, socket, person), port=port, tell=lambda address: write_line(f"open {address}")
    )
