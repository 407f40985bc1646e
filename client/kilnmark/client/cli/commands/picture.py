"""The commands about one finished picture: what it says of itself, and the same once more."""

from pathlib import Path

import click

from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode

__all__ = ["replay", "show"]


@click.command()
@click.argument("picture", type=HomePath(path_type=Path))
@json_option
def show(picture: Path, *, as_json: bool) -> None:
    """Show what a picture says of itself: spec, base, adapters.

    No daemon is needed. The exit code is 2 where it says nothing.
    """
    from kilnmark.client.cli.views.picture import show_picture
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.replays.recorded import recorded_picture

    found = recorded_picture(picture)
    if as_json:
        write_document(found)
    else:
        show_picture(console(), found)


@click.command()
@click.argument("picture", type=HomePath(path_type=Path))
@click.option("--check", is_flag=True, help="Only compare adapters and base with what they were; paint nothing.")
@click.option("--init-image", type=HomePath(path_type=Path), metavar="FILE", help="The picture that it started from.")
@click.option(
    "--reference",
    "references",
    type=HomePath(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A picture that it refers to. Repeatable, in their order.",
)
@socket_option
@json_option
def replay(
    picture: Path,
    *,
    check: bool,
    init_image: Path | None,
    references: tuple[Path, ...],
    socket: str | None,
    as_json: bool,
) -> None:
    """Make a picture again, of the very same, and compare.

    Nothing is painted where base or adapters are not what they were. The exit code is 3 where an adapter is not, 1
    where the base is not or the two pictures differ.
    """
    from kilnmark.client.cli.views.picture import show_replay
    from kilnmark.client.cli.views.progress import progress_bar
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.replays.differences import Sources
    from kilnmark.client.replays.recorded import recorded_picture
    from kilnmark.client.replays.replay import compare
    from kilnmark.client.replays.replay import replay as made_again

    found = recorded_picture(picture)
    sources = Sources(start=init_image and init_image.absolute(), references=[each.absolute() for each in references])
    with Client(socket) as client, progress_bar("replay"):
        compared = (compare if check else made_again)(found, sources, client)
    if as_json:
        write_document(compared)
    else:
        show_replay(console(), compared)
    click.get_current_context().exit(ExitCode(compared.exit_code))
