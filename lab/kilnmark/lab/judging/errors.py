"""What stops a judging, each with what to do.

A judge that cannot be asked stops it; a picture that could not be judged does not, and is told with its cell.
"""

from kilnmark.lab.errors import LabError, NotFit, NotReady
from kilnmark.protocol.exits import ExitCode

__all__ = [
    "AskingRefused",
    "JudgeBusy",
    "JudgeUnreachable",
    "JudgeUnusable",
    "JudgementLost",
    "KeyMissing",
    "KeyRefused",
    "NotComparable",
    "NothingToJudge",
    "VoteRefused",
]


class JudgeUnusable(NotFit):
    """What is decided about judging cannot be meant.

    Args:
        what: An entry of `run.toml`.
        reason: What is wrong with it.
        mend: What to do.
    """

    kind = "judge_unusable"
    exit_code = ExitCode.USAGE
    _before = "{what} of run.toml: "


class NothingToJudge(NotReady):
    """A run has nothing yet that could be judged.

    Args:
        reason: What is missing.
        mend: What to do.
    """

    kind = "nothing_to_judge"
    exit_code = ExitCode.USAGE


class KeyMissing(LabError):
    """A judge wants a key, and the environment has none.

    Args:
        variable: Where it is looked for.
        base_url: Who wants it.
    """

    kind = "key_missing"
    exit_code = ExitCode.USAGE

    def __init__(self, variable: str, base_url: str) -> None:
        super().__init__(variable, base_url)
        self.variable = variable
        self.base_url = base_url

    def __str__(self) -> str:
        return (
            f"{self.base_url} wants a key, and {self.variable} is not set; set it in the environment, and nowhere else"
        )


class KeyRefused(LabError):
    """A judge does not take the key.

    Args:
        variable: Where the key is from.
        base_url: Who refused it.
        status: Its HTTP status.
        said: What it said, without the key.
    """

    kind = "key_refused"
    exit_code = ExitCode.USAGE

    def __init__(self, variable: str, base_url: str, status: int, said: str) -> None:
        super().__init__(variable, base_url, status, said)
        self.variable = variable
        self.base_url = base_url
        self.status = status
        self.said = said

    def __str__(self) -> str:
        return (
            f"{self.base_url} refused the key in {self.variable} with {self.status}: {self.said}; "
            "nothing was judged or paid by that call; set the right key and run the same command again"
        )


class AskingRefused(LabError):
    """A judge cannot be asked so: its model, its address or its numbers are wrong.

    Args:
        base_url: Who refused.
        status: Its HTTP status.
        said: What it said, without the key.
    """

    kind = "asking_refused"

    def __init__(self, base_url: str, status: int, said: str) -> None:
        super().__init__(base_url, status, said)
        self.base_url = base_url
        self.status = status
        self.said = said

    def __str__(self) -> str:
        return (
            f"{self.base_url} refused to be asked so with {self.status}: {self.said}; "
            "mend [judge] of run.toml (model, base_url, structured) and run the same command again"
        )


class JudgeUnreachable(LabError):
    """Nobody answers at a judge's address; nothing was sent.

    Args:
        base_url: Where.
        reason: What happened.
    """

    kind = "judge_unreachable"
    retryable = True
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, base_url: str, reason: str) -> None:
        super().__init__(base_url, reason)
        self.base_url = base_url
        self.reason = reason

    def __str__(self) -> str:
        return f"nobody answers at {self.base_url}: {self.reason}; nothing was sent; run the same command again later"


class JudgeBusy(LabError):
    """A judge turned a call away again and again; nothing was paid for it.

    Args:
        base_url: Who.
        waited: Seconds that it was waited for.
        said: What it said at last, without the key.
    """

    kind = "judge_busy"
    retryable = True
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, base_url: str, waited: float, said: str) -> None:
        super().__init__(base_url, waited, said)
        self.base_url = base_url
        self.waited = waited
        self.said = said

    def __str__(self) -> str:
        return (
            f"{self.base_url} turned calls away for {self.waited:.0f} seconds: {self.said}; "
            "what is judged stays; run the same command again later"
        )


class JudgementLost(LabError):
    """A judging was paid for, and what it paid for is not there any more.

    Args:
        folder: Where it should lie.
        reason: What is missing.
    """

    kind = "judgement_lost"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder = folder
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.reason}; put the folder back from where the run was copied from, "
            "or give --new-judgement to pay for another"
        )


class VoteRefused(LabError):
    """A vote that cannot be counted.

    Args:
        reason: Why.
    """

    kind = "vote_refused"
    exit_code = ExitCode.USAGE

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class NotComparable(NotReady):
    """Runs that have no cell in common.

    Args:
        reason: What differs, or is missing.
        mend: What to do.
    """

    kind = "not_comparable"
    exit_code = ExitCode.USAGE

    def __init__(
        self, reason: str, mend: str = "judge them on the same prompts, seeds and numbers to compare them"
    ) -> None:
        super().__init__(reason, mend)
