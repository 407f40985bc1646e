"""How a job of the farm ended, as the daemon's own answer would have been here: with this machine's paths in it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from kilnmark.farm.documents import FarmAdapter, FarmResult
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import BY_CODE, RenderFailed, RequestError
from kilnmark.protocol.wire.replies import JobError, RenderResult

__all__ = ["error_of", "result_at"]


def result_at(ending: FarmResult, picture: Path, paths: Sequence[str]) -> RenderResult:
    """The daemon's answer, with the picture where it lies here.

    Args:
        ending: Of a job that is done.
        picture: Where its picture was fetched to.
        paths: The adapters here, in stack order.

    Raises:
        ValueError: It is not done.
    """
    if ending.result is None or ending.picture is None:
        raise ValueError(f"{ending.job_id} is {ending.state}, and has no picture")
    return msgspec.structs.replace(
        ending.result,
        image_path=str(picture),
        image_sha256=ending.picture.sha256,
        loras=[_at(report, path) for report, path in zip(ending.result.loras, paths, strict=True)],
        node=ending.node,
    )


def error_of(ending: FarmResult, adapters: Sequence[FarmAdapter], paths: Sequence[str]) -> RequestError:
    """What the daemon would have raised, or that no node could do it.

    Args:
        ending: Of a job that is not done.
        adapters: Its stack.
        paths: The same files here.
    """
    error = ending.error or JobError(code=RenderFailed.code, kind="", message="nobody said why", retryable=True)
    message = _with_own_paths(error, adapters, paths)
    if ending.state == "dead":
        raised: RequestError = RenderFailed(_of_dead(ending, message), job_id=ending.job_id)
    elif ending.state == "cancelled":  # which nobody may paint again unasked, as a batch does whose daemon gave it up
        said = "it was cancelled at the farm; hand it in again to have it painted"
        raised = RenderFailed(said, job_id=ending.job_id)
    else:
        raised = BY_CODE.get(error.code, RenderFailed)(message, job_id=ending.job_id, retryable=error.retryable)
    if reports := _own_reports(error.loras, adapters, paths):
        raised.detail = {"loras": msgspec.to_builtins(reports)}
    raised.trace_id = error.trace_id
    return raised


def _of_dead(ending: FarmResult, message: str) -> str:
    times = "once" if ending.deliveries == 1 else f"{ending.deliveries} times"
    by = f", last to {ending.node}" if ending.node else ""
    first = f" (it began with: {ending.first_line})" if ending.first_line else ""
    if "--again" in message:  # the keeper has said all of it
        return f"no node could finish it: {message}"
    mend = f"`kilnmark farm dead --again {ending.job_id}` hands it out again"
    return f"no node could finish it, and it was handed out {times}{by}: {message}{first}; {mend}"


def _own_reports(
    reports: Sequence[AdapterReport], adapters: Sequence[FarmAdapter], paths: Sequence[str]
) -> list[AdapterReport]:
    """By stack order where there is one for each adapter, else by what is in the files."""
    if len(reports) == len(paths):
        return [_at(report, path) for report, path in zip(reports, paths, strict=True)]
    known = {adapter.sha256: path for adapter, path in zip(adapters, paths, strict=True)}
    return [_at(report, known.get(report.sha256, report.path)) for report in reports]


def _at(report: AdapterReport, path: str) -> AdapterReport:
    return msgspec.structs.replace(report, path=path)


def _with_own_paths(error: JobError, adapters: Iterable[FarmAdapter], paths: Iterable[str]) -> str:
    """Nodes keep a file at `<folder>/<hash>/<name>`, of which nobody here has heard."""
    message = error.message
    for adapter, path in zip(adapters, paths, strict=True):
        for report in error.loras:
            if Path(report.path).parts[-2:] == (adapter.sha256, adapter.files[0].name):
                message = message.replace(report.path, path)
        place = rf"[^\s'\"`]*/{adapter.sha256}/{re.escape(adapter.files[0].name)}"
        message = re.sub(place, lambda _, path=path: path, message)  # type: ignore[misc]
    return message
