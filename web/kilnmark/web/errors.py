"""Why the web process cannot begin, or does not do what it is asked for. Each stores facts, worded when printed."""

from collections.abc import Sequence

from kilnmark.client.errors import ClientError
from kilnmark.protocol.exits import ExitCode

__all__ = ["BodyRefused", "HooksUnusable", "NothingThere", "TokensUnusable", "UnknownModel"]


class BodyRefused(ClientError):
    """A request whose body is not read to its end, or is of no form that is read.

    Args:
        sentence: Why, and what to send instead.
        status: Of HTTP.
    """

    kind = "body_refused"
    retryable = False

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = status

    def __str__(self) -> str:
        return self.sentence


class NothingThere(ClientError):
    """An address that nothing is served at, or not any more.

    Args:
        sentence: Why, and what to do.
        status: Of HTTP: 404, or 410.
    """

    kind = "not_found"
    retryable = False

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = status

    def __str__(self) -> str:
        return self.sentence


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


class UnknownModel(ClientError):
    """A model was named that the daemon does not serve.

    Args:
        model: As it was named.
        known: Those that it serves.
    """

    kind = "model_not_found"
    retryable = False

    def __init__(self, model: str, known: Sequence[str]) -> None:
        super().__init__(model, known)
        self.model = model
        self.known = tuple(known)

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"The model `{self.model[:200]}` does not exist; this daemon serves {known}. Left out, the daemon chooses."
        )
