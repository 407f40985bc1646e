"""Why an agent gets nothing, or the server cannot begin. Each stores facts and words them when it is printed."""

from kilnmark.client.errors import ClientError
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.printable import printable

__all__ = ["McpNotInstalled", "OutsideOutputs"]


class McpNotInstalled(ClientError):
    """Speaking to agents needs packages that only an extra installs."""

    kind = "mcp_not_installed"
    retryable = False

    def __str__(self) -> str:
        return "speaking to agents needs packages that are not installed; install kilnmark[mcp]"


class OutsideOutputs(ClientError):
    """A file was asked for that agents may not see.

    Args:
        path: As it was asked for.
        root: The folder that they may see files of.
    """

    kind = "outside_outputs"
    retryable = False
    exit_code = ExitCode.USAGE

    def __init__(self, path: str, root: str) -> None:
        super().__init__(path, root)
        self.path = path
        self.root = root

    def __str__(self) -> str:
        return f"{printable(self.path)} is not below the output folder {self.root}; give a picture that is"
