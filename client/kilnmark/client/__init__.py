"""The client of the kilnmark daemon: `Client`, `AsyncClient`, what they return and what they raise.

Light: neither mlx nor mflux is needed, and nothing is imported before it is first used. The imports below are the one
list of what is public: type checkers read them as they stand, and the first use of a name carries out its own.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kilnmark.client.aio import AsyncClient as AsyncClient
    from kilnmark.client.errors import BadReply as BadReply
    from kilnmark.client.errors import ClientError as ClientError
    from kilnmark.client.errors import ConnectionLost as ConnectionLost
    from kilnmark.client.errors import ConnectTimeout as ConnectTimeout
    from kilnmark.client.errors import DaemonNotInstalled as DaemonNotInstalled
    from kilnmark.client.errors import DaemonUnavailable as DaemonUnavailable
    from kilnmark.client.errors import ForkedClient as ForkedClient
    from kilnmark.client.errors import RenderTimeout as RenderTimeout
    from kilnmark.client.errors import ReplyTimeout as ReplyTimeout
    from kilnmark.client.errors import SilenceTimeout as SilenceTimeout
    from kilnmark.client.errors import StopTimeout as StopTimeout
    from kilnmark.client.errors import TimedOut as TimedOut
    from kilnmark.client.errors import UntrustedSocket as UntrustedSocket
    from kilnmark.client.listed import JobsOptions as JobsOptions
    from kilnmark.client.many import Rendered as Rendered
    from kilnmark.client.request import ComposeOptions as ComposeOptions
    from kilnmark.client.request import InspectOptions as InspectOptions
    from kilnmark.client.request import RenderOptions as RenderOptions
    from kilnmark.client.request import RenderRequest as RenderRequest
    from kilnmark.client.sync import Client as Client
    from kilnmark.protocol.content.composition import ComposedLora as ComposedLora
    from kilnmark.protocol.content.composition import Composition as Composition
    from kilnmark.protocol.content.problems import Problem as Problem
    from kilnmark.protocol.errors import KilnmarkError as KilnmarkError
    from kilnmark.protocol.picture.report import AdapterReport as AdapterReport
    from kilnmark.protocol.picture.report import Verdict as Verdict
    from kilnmark.protocol.wire.errors import AdapterNotAllowed as AdapterNotAllowed
    from kilnmark.protocol.wire.errors import AdapterNotEngaged as AdapterNotEngaged
    from kilnmark.protocol.wire.errors import AdapterRefused as AdapterRefused
    from kilnmark.protocol.wire.errors import Cancelled as Cancelled
    from kilnmark.protocol.wire.errors import Draining as Draining
    from kilnmark.protocol.wire.errors import InternalError as InternalError
    from kilnmark.protocol.wire.errors import InvalidParams as InvalidParams
    from kilnmark.protocol.wire.errors import InvalidRequest as InvalidRequest
    from kilnmark.protocol.wire.errors import JobIdTaken as JobIdTaken
    from kilnmark.protocol.wire.errors import JobTimedOut as JobTimedOut
    from kilnmark.protocol.wire.errors import JournalFailed as JournalFailed
    from kilnmark.protocol.wire.errors import NoWorker as NoWorker
    from kilnmark.protocol.wire.errors import ParseError as ParseError
    from kilnmark.protocol.wire.errors import PictureRefused as PictureRefused
    from kilnmark.protocol.wire.errors import QueueFull as QueueFull
    from kilnmark.protocol.wire.errors import RenderFailed as RenderFailed
    from kilnmark.protocol.wire.errors import RequestError as RequestError
    from kilnmark.protocol.wire.errors import StorageFailed as StorageFailed
    from kilnmark.protocol.wire.errors import UnknownJob as UnknownJob
    from kilnmark.protocol.wire.errors import UnknownMethod as UnknownMethod
    from kilnmark.protocol.wire.errors import WorkerLost as WorkerLost
    from kilnmark.protocol.wire.inspection import Inspection as Inspection
    from kilnmark.protocol.wire.inspection import InspectionDocument as InspectionDocument
    from kilnmark.protocol.wire.jobs import *  # noqa: F403 - what is told of a job
    from kilnmark.protocol.wire.memory import BaseInfo as BaseInfo
    from kilnmark.protocol.wire.notices import BatchEnd as BatchEnd
    from kilnmark.protocol.wire.notices import NoticeInfo as NoticeInfo
    from kilnmark.protocol.wire.notices import NoticeResult as NoticeResult
    from kilnmark.protocol.wire.notices import NoticesResult as NoticesResult
    from kilnmark.protocol.wire.pace import PaceInfo as PaceInfo
    from kilnmark.protocol.wire.replies import *  # noqa: F403 - whatever a daemon answers with
    from kilnmark.protocol.wire.stacks import ExtraLora as ExtraLora
    from kilnmark.protocol.wire.status import *  # noqa: F403 - and what it shows of itself
    from kilnmark.protocol.wire.watching import *  # noqa: F403 - and of jobs as they pass


def __getattr__(name: str) -> object:
    """Import a name from its home when it is first asked for."""
    from importlib import import_module

    if name == "__all__":
        return sorted(_homes())
    if name.startswith("_") or (home := _homes().get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """The module of each public name, read from the imports at the top of this file."""
    import ast
    from importlib import import_module
    from inspect import getsource
    from sys import modules

    homes: dict[str, str] = {}
    (block,) = (node for node in ast.parse(getsource(modules[__name__])).body if isinstance(node, ast.If))
    for node in ast.walk(block):
        if isinstance(node, ast.ImportFrom) and node.module:
            named = [alias.name for alias in node.names]
            names = import_module(node.module).__all__ if named == ["*"] else named
            homes.update(dict.fromkeys(names, node.module))
    return homes
