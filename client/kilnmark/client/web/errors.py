"""Why pages cannot be served. Each stores facts and words them when it is printed."""

from kilnmark.client.errors import ClientError

__all__ = ["FormRefused", "PortTaken", "ServerNotInstalled"]


class FormRefused(ClientError):
    """A form that cannot be meant.

    Args:
        sentence: Why, to whom sent it.
    """

    kind = "form_refused"
    retryable = False


class PortTaken(ClientError):
    """The port that pages were to be served at cannot be had.

    Args:
        port: Which.
        reason: Why.
    """

    kind = "port_taken"
    retryable = False

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(port, reason)
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return f"port {self.port} cannot be listened on: {self.reason}; name another with --port, or 0 for a free one"


class ServerNotInstalled(ClientError):
    """Serving pages needs packages that only an extra installs.

    Args:
        extra: The extra that has them.
    """

    kind = "server_not_installed"
    retryable = False

    def __init__(self, extra: str) -> None:
        super().__init__(extra)
        self.extra = extra

    def __str__(self) -> str:
        return f"serving pages needs packages that are not installed; install kilnmark[{self.extra}]"
