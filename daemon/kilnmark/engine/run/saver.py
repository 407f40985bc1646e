"""Painted pictures on their way to disk, in a thread of their own, so that the next render starts at once.

Encoding a PNG and syncing it take as long as a denoise step or two, and need nothing of MLX.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from kilnmark.engine.ends import failed
from kilnmark.engine.trail import Trail
from kilnmark.keymaps.files.outputs import OutputFolder, SavedFile, sha256_of
from kilnmark.otel import names
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.draft import DRAFT_NOTICE
from kilnmark.protocol.picture.parameters import PARAMETERS_CHUNK, parameters_text
from kilnmark.protocol.picture.record import CHUNK, STANDIN_NOTICE, PictureRecord, encode_record
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import StorageFailed
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.work import Failed, Finished, RenderCommand

__all__ = ["WAITING_LIMIT", "Painting", "Saver", "check_room", "finish", "write_picture"]

_version = cache(version)

log = logging.getLogger(__name__)

WAITING_LIMIT = 2
"""Pictures that may wait in memory; the next render waits when the disk is slower than the painter."""


@dataclass(frozen=True, slots=True)
class Painting:
    """A picture in memory, with all that will be told of it.

    Attributes:
        job: What was asked.
        trail: What the render left so far.
        image: The picture.
        base: What it was painted on.
        warnings: For the reply and the record.
        stack_ratio: The delta ratio of the whole stack; None for no stack.
        is_standin: The picture means nothing.
    """

    job: RenderCommand
    trail: Trail
    image: Image
    base: BaseInfo
    warnings: tuple[str, ...]
    stack_ratio: float | None = None
    is_standin: bool = False

    @property
    def loras(self) -> Sequence[AdapterReport]:
        """A report for each adapter, in stack order."""
        return self.trail.loras

    @property
    def notice(self) -> str:
        """Why it must not be taken for a real one; empty where it is one."""
        reasons = ((STANDIN_NOTICE, self.is_standin), (DRAFT_NOTICE, self.job.draft))
        return "; ".join(reason for reason, holds in reasons if holds)


class Saver:
    """Saves paintings one after the other.

    Args:
        outputs: Where pictures go.
        tell: Called, from the saver's thread, with how each render ended.
    """

    def __init__(self, outputs: OutputFolder, tell: Callable[[Finished | Failed], None]) -> None:
        self._outputs = outputs
        self._tell = tell
        self._waiting: queue.Queue[Painting | None] = queue.Queue(WAITING_LIMIT)
        self._thread = threading.Thread(target=self._work, name="saver", daemon=True)

    def start(self) -> None:
        """Begin to take paintings."""
        self._thread.start()

    def save(self, painting: Painting) -> None:
        """Hand a painting over. Returns at once, unless `WAITING_LIMIT` are waiting."""
        self._waiting.put(painting)

    def stop(self, timeout: float) -> None:
        """Finish what was handed over, for at most `timeout` seconds."""
        ends = time.monotonic() + timeout
        with contextlib.suppress(queue.Full):  # a disk that hangs must not keep the process
            self._waiting.put(None, timeout=timeout)
            self._thread.join(max(0.0, ends - time.monotonic()))

    def _work(self) -> None:
        while (painting := self._waiting.get()) is not None:
            self._tell(finish(painting, self._outputs))


def finish(painting: Painting, outputs: OutputFolder) -> Finished | Failed:
    """Write one picture with its record, and say how the render ended."""
    job, trail = painting.job, painting.trail
    try:
        with trail.part("save", names.SAVE, step=job.steps):
            saved = _written(painting, outputs)
    except KilnmarkError as error:
        return failed(job.job_id, error, trail.loras)
    except Exception as error:  # the thread must live on for the next picture, and this one's caller must hear
        log.exception("the picture of %s could not be saved", job.job_id)
        return failed(job.job_id, error, trail.loras, doing="saving the picture")
    return Finished(
        job_id=job.job_id,
        image_path=str(saved.path),
        image_sha256=saved.sha256,
        timings=trail.timings,
        loras=trail.loras,
        stack_delta_ratio=painting.stack_ratio,
        warnings=list(painting.warnings),
        numerics=painting.base.numerics,
        notice=painting.notice,
    )


def _written(painting: Painting, outputs: OutputFolder) -> SavedFile:
    try:
        return write_picture(painting.image, _record(painting), outputs)
    except OSError as error:
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> StorageFailed:
    return StorageFailed(f"the picture could not be written: {error}; make room or mend the output folder")


def check_room(job: RenderCommand, outputs: OutputFolder) -> None:
    """See, before anything is painted, whether the picture would find room: a PNG is hardly larger than its pixels.

    Raises:
        StorageFailed: It would not.
    """
    try:
        outputs.check_room(4 * job.width * job.height)
    except OSError as error:
        raise _unwritten(error) from error


def _record(painting: Painting) -> PictureRecord:
    job, trail = painting.job, painting.trail
    return PictureRecord(
        **job.fields_for(PictureRecord),
        kilnmark_version=_version("kilnmark"),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        notice=painting.notice,
        job_id=job.job_id,
        tier=job.tier,
        base=painting.base,
        stack=job.stack,
        loras=trail.loras,
        stack_delta_ratio=painting.stack_ratio,
        warnings=list(painting.warnings),
        trace_id=trail.trace_id,
    )


def write_picture(image: Image, record: PictureRecord, outputs: OutputFolder) -> SavedFile:
    """Write a PNG named after its moment and job; what must not be taken for a picture says so in its name.

    Raises:
        OSError: it could not be written; nothing of it is left behind.
    """
    stamp = "".join(c for c in record.created if c.isdigit())[:17]
    kind = (".standin" if STANDIN_NOTICE in record.notice else "") + (".draft" if record.draft else "")
    name = f"{stamp}-{record.job_id}{kind}.png"
    with outputs.written(name) as file:
        image.save(file, format="PNG", pnginfo=_chunks(record))
        sha256 = sha256_of(file)
    return SavedFile(outputs.path / name, sha256)


def _chunks(record: PictureRecord) -> PngInfo:
    info = PngInfo()
    info.add_itxt(CHUNK, encode_record(record))
    info.add_itxt(PARAMETERS_CHUNK, parameters_text(record))
    return info
