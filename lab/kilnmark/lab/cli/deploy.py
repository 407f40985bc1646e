"""`kilnmark lab deploy`: the picked adapter put where it is used."""

from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.lab.cli.views.next import tell_next

__all__ = ["deploy"]


@click.command(short_help="Copy the picked adapter to its place.")
@click.argument("run", type=HomePath(path_type=Path))
@click.option(
    "--to", required=True, metavar="PLACE", help="A folder, ComfyUI's models/loras, or an address as s3://bucket/loras."
)
@click.option("--replace", is_flag=True, help="Take the place of another adapter of its name.")
@json_option
def deploy(run: Path, to: str, *, replace: bool, as_json: bool) -> None:
    """Copy the picked adapter of RUN to where it is used, under its final name, and check what lies there.

    Copies that the sweep made in the daemon's folders are removed, and nothing else is.
    """
    from kilnmark.client.cli.views.tables import console, plain, print_facts
    from kilnmark.lab.run.folder import open_run
    from kilnmark.lab.sweep.deploy import deploy as put

    with open_run(run) as held:
        done = put(held, to, replace=replace)
    if as_json:
        write_document(done)
        return
    was = "was there already" if done.was_there else "took the place of another" if done.replaced else "is there now"
    out = console()
    print_facts(
        out,
        [
            ("slot", f"{done.slot}: {done.where}"),
            ("adapter", f"step {done.step}, to be used at scale {done.scale:g}; it {was}"),
            ("sha256", done.sha256),
            ("removed", f"{len(done.removed)} copies that the sweep had made"),
            *(("left", why) for why in done.left),
        ],
    )
    for note in done.notes:
        out.print(plain(f"note: {note}"), soft_wrap=True)
    tell_next(run)
