"""How a command ends: its exit code, and the document that says why when `--json` was asked for.

One table turns every error class into a code; the command line asks it in one place.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from kilnmark.client.batch.errors import FolderInUse, PicksHeld
from kilnmark.client.cli.models.errors import FetchedElsewhere, HubFailed, ModelInUse, ModelProblem, NothingToFetch
from kilnmark.client.cli.service.errors import SettingsRefused, SocketInUse, SocketUnfit, UnfitForService
from kilnmark.client.cli.settings.config_file import UnreadableConfig
from kilnmark.client.errors import ClientError, ConnectTimeout, DaemonUnavailable
from kilnmark.client.web.errors import PortTaken, ServerNotInstalled
from kilnmark.keymaps.errors import RefusedFile, RefusedPicture, UnusableGoal
from kilnmark.otel.settings import TracingMisconfigured
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import (
    AdapterNotEngaged,
    AdapterRefused,
    Draining,
    InvalidParams,
    JobIdTaken,
    JournalFailed,
    NoWorker,
    PictureRefused,
    QueueFull,
    RequestError,
)

__all__ = ["EXITS", "ErrorBody", "ErrorDocument", "exit_code_of", "exit_code_of_reports"]


EXITS: Mapping[type[KilnmarkError], ExitCode] = {
    KilnmarkError: ExitCode.FAILED,
    InvalidParams: ExitCode.USAGE,
    JobIdTaken: ExitCode.USAGE,
    UnusableContent: ExitCode.USAGE,
    UnusableGoal: ExitCode.USAGE,
    TracingMisconfigured: ExitCode.USAGE,
    UnreadableConfig: ExitCode.USAGE,
    RefusedFile: ExitCode.NOT_ENGAGED,
    AdapterRefused: ExitCode.NOT_ENGAGED,
    AdapterNotEngaged: ExitCode.NOT_ENGAGED,
    RefusedPicture: ExitCode.USAGE,
    PictureRefused: ExitCode.USAGE,
    DaemonUnavailable: ExitCode.NO_DAEMON,
    ConnectTimeout: ExitCode.NO_DAEMON,
    QueueFull: ExitCode.TRY_AGAIN,
    Draining: ExitCode.TRY_AGAIN,
    JournalFailed: ExitCode.TRY_AGAIN,
    NoWorker: ExitCode.TRY_AGAIN,
    FolderInUse: ExitCode.TRY_AGAIN,
    PicksHeld: ExitCode.TRY_AGAIN,
    PortTaken: ExitCode.TRY_AGAIN,
    ServerNotInstalled: ExitCode.USAGE,
    SocketInUse: ExitCode.TRY_AGAIN,
    HubFailed: ExitCode.TRY_AGAIN,
    FetchedElsewhere: ExitCode.TRY_AGAIN,
    ModelInUse: ExitCode.TRY_AGAIN,
    NothingToFetch: ExitCode.USAGE,
    SettingsRefused: ExitCode.USAGE,
    SocketUnfit: ExitCode.USAGE,
    UnfitForService: ExitCode.USAGE,
}
"""The code of each class, or of the nearest above it; errors of the lab, which is not imported here, have their own."""


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """One error for programs.

    Attributes:
        code: The number it had on the wire; None when it never was there.
        kind: A short word, the same as on the span.
        message: One sentence.
        retryable: Whether the same call may succeed later, unchanged.
        job_id: The render it belongs to, if there is one.
        detail: Facts, such as the engagement reports under `loras`, or what is wrong with documents under `problems`.
        trace_id: Of the trace that tells of it, 32 hex digits; empty when there is none.
    """

    code: int | None
    kind: str
    message: str
    retryable: bool = False
    job_id: str | None = None
    detail: Any = None
    trace_id: str = ""


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
                trace_id=error.trace_id,
            )
        elif isinstance(error, ClientError | ModelProblem):
            body = ErrorBody(code=None, kind=error.kind, message=str(error), retryable=error.retryable)
        elif isinstance(error, UnusableContent):
            detail = {"problems": list(error.problems)}
            body = ErrorBody(code=None, kind="unusable_content", message=str(error), detail=detail)
        elif isinstance(error, RefusedFile):
            body = ErrorBody(code=None, kind=AdapterRefused.kind, message=str(error))
        elif isinstance(error, RefusedPicture):
            body = ErrorBody(code=None, kind=PictureRefused.kind, message=str(error))
        else:
            body = ErrorBody(code=None, kind="failed", message=str(error))
        return cls(body)


def exit_code_of(error: KilnmarkError) -> ExitCode:
    """The code of a command that ended with an error."""
    own = getattr(error, "exit_code", None)
    return own if isinstance(own, ExitCode) else nearest(EXITS, type(error))


def exit_code_of_reports(reports: Iterable[AdapterReport]) -> ExitCode:
    """The code of a render that ended with a picture."""
    engaged = all(report.verdict is Verdict.ENGAGED for report in reports)
    return ExitCode.DONE if engaged else ExitCode.NOT_ENGAGED
