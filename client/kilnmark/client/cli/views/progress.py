"""What a person sees while a render or a warm-up lasts: a bar on stderr, and nothing where no terminal is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from kilnmark.client.cli.views.tables import console
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.replies import Progress

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[Progress], None]]:
    """Show a bar while the block runs; it moves with the notifications that the yielded function is given."""
    if not sys.stderr.isatty():
        yield _ignore
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, stage="")

        def move(progress: Progress) -> None:
            bar.update(task, completed=progress.progress, total=progress.total, stage=printable(progress.message))

        yield move


def _ignore(progress: Progress) -> None:
    """Nobody looks."""
