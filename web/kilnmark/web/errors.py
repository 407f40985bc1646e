"""Why the web process cannot begin. Each stores facts and words them when it is printed."""

from kilnmark.client.errors import ClientError
from kilnmark.protocol.exits import ExitCode

__all__ = ["HooksUnusable", "TokensUnusable"]


class TokensUnusable(ClientError):
    """The file of tokens cannot be used.

    Args:
        path: The file.
        reason: Why not, and what to do.
    """

    kind = "tokens_unusable"
    retryable = False
    exit_code = ExitCode.USAGE

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the tokens in {self.path} cannot be used: {self.reason}"


class HooksUnusable(ClientError):
    """The file that knows what is to be told cannot be used.

    Args:
        path: The file.
        reason: Why not.
    """

    kind = "hooks_unusable"
    retryable = False

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}, which knows what is to be told of ended jobs, cannot be used: {self.reason}"
