"""How a command ends: its exit code, and the document that says why when `--json` was asked for.

One table turns every error class into a code; the command line asks it in one place.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from kilnmark.client.batch.errors import FolderInUse
from kilnmark.client.errors import ClientError, ConnectTimeout, DaemonUnavailable
from kilnmark.otel.settings import TracingMisconfigured
from kilnmark.protocol.content.problems import UnknownName, UnusableContent
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import (
    AdapterNotEngaged,
    AdapterRefused,
    Draining,
    InvalidParams,
    KilnmarkError,
    QueueFull,
    RequestError,
)

__all__ = ["ErrorBody", "ErrorDocument", "ExitCode", "exit_code_of", "exit_code_of_reports", "reports_of"]


class ExitCode(IntEnum):
    """The exit codes of every command.

    Attributes:
        DONE: What was asked for is done.
        FAILED: It is not, for a reason that has no code of its own.
        USAGE: The command line or a parameter is wrong.
        NOT_ENGAGED: An adapter did not engage or was refused, also when the picture was made all the same.
        NO_DAEMON: Nobody answers at the socket.
        TRY_AGAIN: The queue is full, the daemon is on its way out, or the socket or the folder is held by another.
        INTERRUPTED: Ctrl-C.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_ENGAGED = 3
    NO_DAEMON = 69
    TRY_AGAIN = 75
    INTERRUPTED = 130


_CODES: Mapping[type[KilnmarkError], ExitCode] = {
    InvalidParams: ExitCode.USAGE,
    AdapterRefused: ExitCode.NOT_ENGAGED,
    AdapterNotEngaged: ExitCode.NOT_ENGAGED,
    DaemonUnavailable: ExitCode.NO_DAEMON,
    ConnectTimeout: ExitCode.NO_DAEMON,
    QueueFull: ExitCode.TRY_AGAIN,
    Draining: ExitCode.TRY_AGAIN,
    FolderInUse: ExitCode.TRY_AGAIN,
    TracingMisconfigured: ExitCode.USAGE,
    UnknownName: ExitCode.USAGE,
    UnusableContent: ExitCode.USAGE,
}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """One error for programs.

    Attributes:
        code: The number it had on the wire; None when it never was there.
        kind: A short word, the same as on the span.
        message: One sentence.
        retryable: Whether the same call may succeed later, unchanged.
        job_id: The render it belongs to, if there is one.
        detail: Facts, such as the engagement reports under `loras`, or what is wrong with documents under `problems`.
    """

    code: int | None
    kind: str
    message: str
    retryable: bool = False
    job_id: str | None = None
    detail: Any = None


class ErrorDocument(msgspec.Struct, frozen=True):
    """What a command that failed puts on stdout under `--json`."""

    error: ErrorBody

    @classmethod
    def of(cls, error: KilnmarkError) -> "ErrorDocument":
        """The document of an error, whichever side it arose on."""
        if isinstance(error, RequestError):
            body = ErrorBody(
                code=error.code,
                kind=error.kind,
                message=error.message,
                retryable=error.retryable,
                job_id=error.job_id,
                detail=error.detail,
            )
        elif isinstance(error, ClientError):
            body = ErrorBody(code=None, kind=error.kind, message=str(error), retryable=error.retryable)
        elif isinstance(error, UnusableContent):
            detail = {"problems": list(error.problems)}
            body = ErrorBody(code=None, kind="unusable_content", message=str(error), detail=detail)
        else:
            body = ErrorBody(code=None, kind="failed", message=str(error))
        return cls(body)


def exit_code_of(error: KilnmarkError) -> ExitCode:
    """The code of a command that ended with an error."""
    return _CODES.get(type(error), ExitCode.FAILED)


def exit_code_of_reports(reports: Iterable[AdapterReport]) -> ExitCode:
    """The code of a render that ended with a picture."""
    engaged = all(report.verdict is Verdict.ENGAGED for report in reports)
    return ExitCode.DONE if engaged else ExitCode.NOT_ENGAGED


def reports_of(error: KilnmarkError) -> list[AdapterReport]:
    """The engagement reports that an error carries; empty when it carries none that can be read."""
    detail = error.detail if isinstance(error, RequestError) else None
    if not isinstance(detail, dict) or "loras" not in detail:
        return []
    try:
        return msgspec.convert(detail["loras"], list[AdapterReport])
    except msgspec.ValidationError:
        return []
