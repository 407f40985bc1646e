"""Renders as they pass: from a daemon that is watched, and from a file that grows."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.client.sync import Client
from kilnmark.client.traces.seen import PARTS, SeenAdapter, SeenRender
from kilnmark.client.traces.spans import RendersOfSpans
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.replies import JobResult
from kilnmark.protocol.wire.watching import JobChange

__all__ = ["of_daemon", "of_file", "seen_job"]

_LOOK: Final = 0.2
"""Seconds between two looks at a file that grows."""

_CHUNK: Final = 1 << 20

_LINE_BYTES: Final = 64 << 20
"""The longest line that is read: of one that goes on, the beginning alone, which is none of OTLP's JSON then."""


def of_daemon(client: Client) -> Iterator[SeenRender]:
    """Every render that ends from now on, until the daemon leaves.

    Raises:
        KilnmarkError: It cannot be watched.
    """
    with closing(client.watch()) as news:
        for change in news:
            if isinstance(change, JobChange) and change.event == "ended":
                yield seen_job(_whole(client, change.job))


def _whole(client: Client, job: JobInfo) -> JobResult:
    """A job with its timings; without them where the daemon leaves this moment, or has forgotten it."""
    try:
        return client.jobs_get(job.job_id)
    except KilnmarkError:
        return JobResult(job=job)


def seen_job(ended: JobResult) -> SeenRender:
    """A job that has ended."""
    job, result = ended.job, ended.result
    timings = None if result is None else result.timings
    parts = {part: getattr(timings, f"{part}_ms", 0.0) / 1000 for part in PARTS} if timings is not None else {}
    return SeenRender(
        at=job.ended,
        job_id=job.job_id,
        tier=job.tier,
        variant=job.variant,
        seed=job.seed,
        size=f"{job.width}x{job.height}",
        style="/".join(name for name in (job.genre, job.world) if name),
        outcome=job.state,
        source=_source(job),
        seconds=0.0 if timings is None else timings.total_ms / 1000,
        parts={part: seconds for part, seconds in parts.items() if seconds},
        steps=job.steps,
        adapters=[
            SeenAdapter(
                name=badge.name,
                matched=badge.matched,
                total=badge.total,
                verdict=badge.verdict.value if badge.verdict is not None else "",
                scale=badge.scale,
            )
            for badge in job.adapters
        ],
        reason=job.reason,
        trace_id=job.trace_id,
        image_path=job.image_path,
    )


def _source(job: JobInfo) -> str:
    return "cached" if job.cached else "painted" if job.shared_with is None else "shared"


def of_file(path: Path, *, follow: bool, tell: Callable[[str], None]) -> Iterator[SeenRender]:
    """The renders of a file of spans, by when they ended; where it is followed, as they come, without an end.

    Args:
        path: The file. One that is put aside for another of its name is read to its end first.
        follow: Go on until somebody stops it.
        tell: Told, once, of lines that cannot be read.

    Raises:
        OSError: It cannot be read.
        msgspec.DecodeError: It has lines, and none of them is OTLP's JSON.
    """
    passing = _passing(path, follow=follow, tell=tell)
    yield from passing if follow else sorted(passing, key=lambda render: render.at)


def _passing(path: Path, *, follow: bool, tell: Callable[[str], None]) -> Iterator[SeenRender]:
    renders, good, bad = RendersOfSpans(), 0, 0
    for line in _lines(path, follow=follow):
        if line is not None:
            try:
                renders.take(line, time.monotonic())
                good += 1
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                bad += 1
                if bad == 1:
                    tell(f"{path} has a line that is none of OTLP's JSON ({error}); such lines are passed over")
        yield from renders.whole(time.monotonic())
    if bad and not good:
        raise msgspec.DecodeError("no line of it is OTLP's JSON")
    yield from renders.rest()


def _lines(path: Path, *, follow: bool) -> Iterator[bytes | None]:
    """Whole lines; None whenever nothing came for a while."""
    cut, file = _Cut(), path.open("rb")
    try:
        while True:
            if data := file.read(_CHUNK):
                yield from cut.lines(data)
                continue
            if not follow:
                break
            yield None
            time.sleep(_LOOK)
            if _is_another(path, file.fileno()):
                while data := file.read(_CHUNK):
                    yield from cut.lines(data)
                yield from cut.rest()
                file.close()
                file = path.open("rb")
            elif file.seekable() and os.fstat(file.fileno()).st_size < file.tell():  # emptied where it stands
                yield from cut.rest()
                file.seek(0)
    finally:
        file.close()
    yield from cut.rest()


class _Cut:
    """Lines out of bytes as they come; what has no end is kept to `_LINE_BYTES`."""

    def __init__(self) -> None:
        self._begun = b""
        self._is_too_long = False

    def lines(self, data: bytes) -> Iterator[bytes]:
        """Those that end in `data`, but for empty ones."""
        first, *others = data.split(b"\n")
        if not self._is_too_long:
            self._begun += first
            self._is_too_long = len(self._begun) > _LINE_BYTES
        if not others:
            if self._is_too_long:
                self._begun = self._begun[:_CHUNK]
            return
        *whole, last = others
        yield from (line for line in (*self.rest(), *whole) if line.strip())
        self._begun = last

    def rest(self) -> Iterator[bytes]:
        """What has begun, as if it ended here."""
        begun, self._begun, self._is_too_long = self._begun, b"", False
        if begun.strip():
            yield begun


def _is_another(path: Path, handle: int) -> bool:
    try:
        found, own = path.stat(), os.fstat(handle)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) != (own.st_dev, own.st_ino)
