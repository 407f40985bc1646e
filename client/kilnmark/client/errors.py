"""What can go wrong on the client's own side of the socket: no daemon, a lost connection, patience at an end.

An error that the daemon answered with is raised as the class of `kilnmark.protocol.wire.errors` it was there; those
here never travel. Each stores facts and words them when it is printed.

    KilnmarkError
    ├── RequestError               what the daemon answered (kilnmark.protocol.wire.errors)
    └── ClientError
        ├── DaemonUnavailable      nobody listens at the socket
        ├── UntrustedSocket        another user could be listening there; nothing was sent
        ├── DaemonNotInstalled     `serve` without the daemon's packages
        ├── DaemonDidNotStart      the demonstration's own daemon
        ├── ConnectionLost         the daemon hung up before it answered
        ├── ForkedClient           made in another process
        ├── BadReply               what came back is not of the protocol
        ├── FormRefused            a page posted what cannot be meant (kilnmark.client.web.errors)
        ├── PortTaken              pages cannot be served there
        ├── ServerNotInstalled     nor without these packages
        ├── TokensUnusable         what the web process knows people by (kilnmark.web.errors)
        ├── HooksUnusable          nor what is to be told of ended jobs
        ├── BodyRefused            what it was sent
        ├── UnknownModel           what it was asked to paint with
        ├── NothingThere           what it was asked for
        ├── FarmError              what goes wrong between here and many machines (kilnmark.farm.errors)
        ├── BatchError             what stops a batch (kilnmark.client.batch.errors)
        └── TimedOut
            ├── ConnectTimeout     connecting
            ├── ReplyTimeout       a short method: ping, status, cancel, shutdown
            ├── RenderTimeout      one render, whole
            ├── SilenceTimeout     no byte from the daemon during a render or a warm-up
            └── StopTimeout        the daemon accepted a shutdown and did not leave
"""

from collections.abc import Sequence
from typing import ClassVar

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "BadReply",
    "ClientError",
    "ConnectTimeout",
    "ConnectionLost",
    "DaemonDidNotStart",
    "DaemonNotInstalled",
    "DaemonUnavailable",
    "ForkedClient",
    "RenderTimeout",
    "ReplyTimeout",
    "SilenceTimeout",
    "StopTimeout",
    "TimedOut",
    "UntrustedSocket",
]


class ClientError(KilnmarkError):
    """The root of the errors that arise before a request is sent or while its answer is awaited.

    Attributes:
        kind: A short word for programs and for the span's `error.type`.
        retryable: Whether the same call may succeed later, unchanged.
    """

    kind: ClassVar[str] = "client"
    retryable: ClassVar[bool] = True


class DaemonUnavailable(ClientError):
    """Nobody answers at the socket.

    Args:
        path: The socket that was tried.
        reason: What stood in the way.
        others: Where else one was looked for, and what stood in the way there.
    """

    kind = "daemon_unavailable"

    def __init__(self, path: str, reason: str, others: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(path, reason, others)
        self.path = path
        self.reason = reason
        self.others = tuple(others)

    def __str__(self) -> str:
        nor = "".join(f", nor at {path}{self._why(reason)}" for path, reason in self.others)
        return f"no daemon at {self.path}: {self.reason}{nor}; start one with `kilnmark serve`"

    def _why(self, reason: str) -> str:
        """What stood in the way at another place, where that was something else."""
        return "" if reason == self.reason else f" ({reason})"


class UntrustedSocket(ClientError):
    """Another user listens at the socket, or could: nothing was sent to them.

    Args:
        path: The socket that was tried.
        reason: What was seen of it.
    """

    kind = "untrusted_socket"
    retryable = False

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"nothing was sent to {self.path}: {self.reason}; name a socket in a folder of your own, "
            "with --socket or $KILNMARK_SOCKET, for the daemon and for its clients"
        )


class DaemonNotInstalled(ClientError):
    """The daemon was asked for where only the client is installed.

    Args:
        packages: Those that are missing.
        extra: The extra of this distribution that brings them.
    """

    kind = "daemon_not_installed"
    retryable = False

    def __init__(self, packages: tuple[str, ...], extra: str) -> None:
        super().__init__(packages, extra)
        self.packages = packages
        self.extra = extra

    def __str__(self) -> str:
        missing = " and ".join(self.packages)
        return f"the daemon needs {missing}, which this installation lacks; install kilnmark[{self.extra}]"


class DaemonDidNotStart(ClientError):
    """A daemon that the demonstration started does not answer.

    Args:
        log: The file with what it said.
        reason: What was seen of it.
    """

    kind = "daemon_did_not_start"

    def __init__(self, log: str, reason: str) -> None:
        super().__init__(log, reason)
        self.log = log
        self.reason = reason

    def __str__(self) -> str:
        return f"the daemon did not start: {self.reason}; {self.log} says why"


class ConnectionLost(ClientError):
    """The daemon hung up while a call was waiting; whether it was carried out is unknown.

    Args:
        pending: The methods that were waiting.
        reason: How the loss showed.
    """

    kind = "connection_lost"

    def __init__(self, pending: tuple[str, ...], reason: str) -> None:
        super().__init__(pending, reason)
        self.pending = pending
        self.reason = reason

    def __str__(self) -> str:
        waiting = ", ".join(self.pending) or "nothing"
        return f"the connection was lost ({self.reason}) with {waiting} unanswered; look at `kilnmark status`"


class ForkedClient(ClientError):
    """A client that was connected before its process forked: two processes cannot read one connection.

    Args:
        made_in: The process that connected it.
    """

    kind = "forked_client"
    retryable = False

    def __init__(self, made_in: int) -> None:
        super().__init__(made_in)
        self.made_in = made_in

    def __str__(self) -> str:
        return (
            f"this client was connected in process {self.made_in}, from which this one was forked; "
            "make a client of its own after the fork, in each process"
        )


class BadReply(ClientError):
    """The peer sent something that no daemon of this protocol sends.

    Args:
        problem: What it was.
    """

    kind = "bad_reply"
    retryable = False

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the daemon's answer cannot be used: {self.problem}; check that client and daemon are of one version"


class TimedOut(ClientError):
    """A wait of the client's came to its end.

    Args:
        seconds: The bound that was reached.
        what: The method that was waiting, or the socket's path while connecting.
    """

    kind = "timed_out"

    def __init__(self, seconds: float, what: str) -> None:
        super().__init__(seconds, what)
        self.seconds = seconds
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} took longer than {self.seconds:g} s"


class ConnectTimeout(TimedOut):
    """The daemon did not take the connection."""

    kind = "connect_timeout"

    def __str__(self) -> str:
        return f"the daemon at {self.what} did not take the connection within {self.seconds:g} s; try again"


class ReplyTimeout(TimedOut):
    """A short method was not answered."""

    kind = "reply_timeout"

    def __str__(self) -> str:
        return f"{self.what} was not answered within {self.seconds:g} s; the daemon may hang, restart it"


class RenderTimeout(TimedOut):
    """A render was not finished; the daemon was told to cancel it."""

    kind = "render_timeout"

    def __str__(self) -> str:
        return (
            f"the render took longer than {self.seconds:g} s and was cancelled; allow more time or ask for fewer steps"
        )


class SilenceTimeout(TimedOut):
    """Not even a heartbeat came."""

    kind = "silence_timeout"

    def __str__(self) -> str:
        return f"the daemon sent nothing for {self.seconds:g} s during {self.what}; it hangs, restart it"


class StopTimeout(TimedOut):
    """The daemon said that it would leave, and its socket is still there."""

    kind = "stop_timeout"

    def __str__(self) -> str:
        return f"the daemon at {self.what} did not leave within {self.seconds:g} s; allow more time with --timeout"
