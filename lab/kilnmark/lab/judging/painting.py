"""The pictures of a matrix, painted by the daemon and kept in the judging's folder, each whole or not at all.

What is there already is not painted again. A job's id is made of its request, so that a daemon which made the picture
for a judging that was killed hands it out.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.client.sync import Client
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.matrix import Matrix, MatrixCell
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["PICTURES", "Canvas", "PaintedCell", "paint"]

PICTURES = "cells"
"""Where they lie, in the judging's folder."""


class Canvas(msgspec.Struct, frozen=True):
    """What pictures are painted with.

    Attributes:
        base: The variant.
        adapter: The file, within the daemon's roots; None: none, for a picture to hold others beside.
        sha256: Of its bytes.
        suffix: Of a picture's file.
    """

    base: str
    adapter: Path | None
    sha256: str
    suffix: str


class PaintedCell(msgspec.Struct, frozen=True):
    """One picture in its place.

    Attributes:
        cell: Which.
        path: Its file.
        sha256: Of its bytes.
    """

    cell: MatrixCell
    path: Path
    sha256: str


def paint(
    client: Client, folder: Path, matrix: Matrix, cells: Sequence[MatrixCell], canvas: Canvas
) -> Iterator[PaintedCell]:
    """Have these cells painted.

    Args:
        client: Of the daemon.
        folder: The judging's own.
        matrix: The numbers.
        cells: Which of them.
        canvas: With what.

    Yields:
        Each as it is there.

    Raises:
        KilnmarkError: What the first one that cannot be painted ended with; those before it stay.
        RunUnusable: A picture cannot be put into its place.
    """
    requests = [_request(cell, matrix, canvas) for cell in cells]
    for rendered in client.render_many(requests):
        yield PaintedCell(cells[rendered.index], *_taken(folder, cells[rendered.index], canvas, rendered))


def _request(cell: MatrixCell, matrix: Matrix, canvas: Canvas) -> RenderRequest:
    request = RenderRequest(prompt=cell.prompt, variant=canvas.base, seed=cell.seed, on_mismatch="error", draft=False)
    request.update(cast("RenderRequest", matrix.options))
    if canvas.adapter is not None:
        request["lora_paths"], request["lora_scales"] = [str(canvas.adapter)], [matrix.scale]
    said = msgspec.json.encode((canvas.sha256, request), order="sorted")
    request["job_id"] = f"lab-judge-{hashlib.sha256(said).hexdigest()[:40]}"
    return request


def _taken(folder: Path, cell: MatrixCell, canvas: Canvas, rendered: Rendered) -> tuple[Path, str]:
    if rendered.result is None:
        raise rendered.error or RunUnusable(str(folder), f"{cell.name} ended with nothing", "judge the run again")
    goal = folder / PICTURES / f"{cell.name}{canvas.suffix}"
    try:
        goal.parent.mkdir(exist_ok=True)
        return goal, _copied(goal, rendered.result)
    except OSError as error:
        raise RunUnusable(
            str(goal), error.strerror or str(error), "make room for it, or judge the run again"
        ) from error


def _copied(goal: Path, result: RenderResult) -> str:
    source = Path(result.image_path)
    if not is_unspoilt(source, result.image_sha256):
        raise OSError(f"{source} is not the picture that was painted: somebody wrote to it")
    with source.open("rb") as given, written_whole(goal, alone=True) as taken:
        shutil.copyfileobj(given, taken)
        return sha256_of(taken)
