"""What each answer of a node's daemon makes of a job: its end, something of this node, or another try.

The one place where that is decided. What is this node's own ends no job and counts as no try: another node may do it.
"""

from collections.abc import Mapping
from enum import StrEnum

from kilnmark.client.errors import ClientError
from kilnmark.farm.errors import ContentUnusable, NodeUnfit, WorkRefused
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.wire.errors import (
    AdapterNotAllowed,
    AdapterNotEngaged,
    AdapterRefused,
    Cancelled,
    Draining,
    InternalError,
    InvalidParams,
    InvalidRequest,
    JobIdTaken,
    JobTimedOut,
    JournalFailed,
    NoWorker,
    ParseError,
    PictureRefused,
    QueueFull,
    RenderFailed,
    StorageFailed,
    UnknownJob,
    UnknownMethod,
    WorkerLost,
)

__all__ = ["ANSWERS", "Answer", "answer_of"]


class Answer(StrEnum):
    """What follows."""

    FINAL = "final"
    """Every daemon would say the same: it is the job's end."""

    NOT_HERE = "not_here"
    """This daemon does not do such work: the node takes no more of it, and of other work as before."""

    NOT_NOW = "not_now"
    """This daemon can do none now: the node rests until it can."""

    AGAIN = "again"
    """It may be the job's fault or not: it is handed out again, and that is counted."""

    AWAY = "away"
    """The same, and the node rests: a job that ends its daemon each time has to end, too."""


ANSWERS: Mapping[type[KilnmarkError], Answer] = {
    KilnmarkError: Answer.AGAIN,
    ParseError: Answer.AGAIN,
    InvalidRequest: Answer.AGAIN,
    UnknownMethod: Answer.AGAIN,
    InvalidParams: Answer.FINAL,
    InternalError: Answer.AGAIN,
    RenderFailed: Answer.AGAIN,
    QueueFull: Answer.NOT_NOW,
    Draining: Answer.NOT_NOW,
    WorkerLost: Answer.AGAIN,
    UnknownJob: Answer.AGAIN,
    JobTimedOut: Answer.AGAIN,
    StorageFailed: Answer.NOT_NOW,
    AdapterRefused: Answer.FINAL,
    AdapterNotAllowed: Answer.NOT_HERE,
    AdapterNotEngaged: Answer.FINAL,
    JournalFailed: Answer.NOT_NOW,
    JobIdTaken: Answer.FINAL,
    NoWorker: Answer.NOT_NOW,
    PictureRefused: Answer.FINAL,
    Cancelled: Answer.AGAIN,
    ClientError: Answer.AWAY,
    ContentUnusable: Answer.AGAIN,
    NodeUnfit: Answer.NOT_NOW,
    WorkRefused: Answer.NOT_HERE,
}
"""By the class of an error, or the nearest above it."""


def answer_of(error: KilnmarkError | OSError) -> Answer:
    """What a failure makes of a job; one of this machine's own makes the node rest."""
    return nearest(ANSWERS, type(error)) if isinstance(error, KilnmarkError) else Answer.AWAY
