"""The client of the kilnmark daemon: `Client`, `AsyncClient`, what they return and what they raise.

Light: neither mlx nor mflux is needed, and nothing is imported before it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilnmark.client.aio import AsyncClient
    from kilnmark.client.errors import (
        BadReply,
        ClientError,
        ConnectionLost,
        ConnectTimeout,
        DaemonNotInstalled,
        DaemonUnavailable,
        RenderTimeout,
        ReplyTimeout,
        SilenceTimeout,
        StopTimeout,
        TimedOut,
    )
    from kilnmark.client.many import Rendered
    from kilnmark.client.request import InspectOptions, RenderOptions, RenderRequest
    from kilnmark.client.sync import Client
    from kilnmark.protocol.content.composition import ComposedLora, Composition
    from kilnmark.protocol.content.problems import Problem
    from kilnmark.protocol.picture.report import AdapterReport, Verdict
    from kilnmark.protocol.wire.errors import (
        AdapterNotEngaged,
        AdapterRefused,
        Cancelled,
        Draining,
        InternalError,
        InvalidParams,
        InvalidRequest,
        JobTimedOut,
        KilnmarkError,
        ParseError,
        QueueFull,
        RenderFailed,
        RequestError,
        StorageFailed,
        UnknownJob,
        UnknownMethod,
        WorkerLost,
    )
    from kilnmark.protocol.wire.inspection import Inspection, InspectionDocument
    from kilnmark.protocol.wire.memory import BaseInfo
    from kilnmark.protocol.wire.replies import (
        CancelResult,
        JobError,
        JobInfo,
        JobResult,
        JobsResult,
        PacksInfo,
        PingResult,
        Progress,
        RenderResult,
        ShutdownResult,
        StackInfo,
        StatusResult,
        Timings,
        WarmUpResult,
        WorkerInfo,
    )

_HOMES = {
    "kilnmark.client.aio": "AsyncClient",
    "kilnmark.client.errors": (
        "BadReply ClientError ConnectionLost ConnectTimeout DaemonNotInstalled DaemonUnavailable RenderTimeout "
        "ReplyTimeout SilenceTimeout StopTimeout TimedOut"
    ),
    "kilnmark.client.many": "Rendered",
    "kilnmark.client.request": "InspectOptions RenderOptions RenderRequest",
    "kilnmark.client.sync": "Client",
    "kilnmark.protocol.content.composition": "ComposedLora Composition",
    "kilnmark.protocol.wire.errors": (
        "AdapterNotEngaged AdapterRefused Cancelled Draining InternalError InvalidParams InvalidRequest "
        "JobTimedOut KilnmarkError ParseError QueueFull RenderFailed RequestError StorageFailed UnknownJob "
        "UnknownMethod WorkerLost"
    ),
    "kilnmark.protocol.wire.inspection": "Inspection InspectionDocument",
    "kilnmark.protocol.wire.memory": "BaseInfo",
    "kilnmark.protocol.content.problems": "Problem",
    "kilnmark.protocol.wire.replies": (
        "CancelResult JobError JobInfo JobResult JobsResult PacksInfo PingResult Progress RenderResult ShutdownResult "
        "StackInfo StatusResult Timings WarmUpResult WorkerInfo"
    ),
    "kilnmark.protocol.picture.report": "AdapterReport Verdict",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AdapterNotEngaged",
    "AdapterRefused",
    "AdapterReport",
    "AsyncClient",
    "BadReply",
    "BaseInfo",
    "CancelResult",
    "Cancelled",
    "Client",
    "ClientError",
    "ComposedLora",
    "Composition",
    "ConnectTimeout",
    "ConnectionLost",
    "DaemonNotInstalled",
    "DaemonUnavailable",
    "Draining",
    "InspectOptions",
    "Inspection",
    "InspectionDocument",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "JobError",
    "JobInfo",
    "JobResult",
    "JobTimedOut",
    "JobsResult",
    "KilnmarkError",
    "PacksInfo",
    "ParseError",
    "PingResult",
    "Problem",
    "Progress",
    "QueueFull",
    "RenderFailed",
    "RenderOptions",
    "RenderRequest",
    "RenderResult",
    "RenderTimeout",
    "Rendered",
    "ReplyTimeout",
    "RequestError",
    "ShutdownResult",
    "SilenceTimeout",
    "StackInfo",
    "StatusResult",
    "StopTimeout",
    "StorageFailed",
    "TimedOut",
    "Timings",
    "UnknownJob",
    "UnknownMethod",
    "Verdict",
    "WarmUpResult",
    "WorkerInfo",
    "WorkerLost",
]


def __getattr__(name: str) -> object:
    """Import a name from its home when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
