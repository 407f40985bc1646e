"""Why a training does not begin, does not go on, or came to nothing. Each stores facts and words them once.

LabError
└── TrainingProblem
    ├── TrainerUnusable      this trainer cannot be begun here
    ├── EnvironmentChanged   what a training began with is not what is here now
    ├── NewTrainingNeeded    going on would be a second training, and nobody asked for one
    ├── TrainingUncertain    whether a paid training was started is not known
    ├── TrainingEnded        a trainer or a remote failed, or was cancelled
    ├── DeadCheckpoint       a checkpoint changes nothing
    ├── ImportRefused        a file that does not become a checkpoint
    ├── KeyUnusable          no key for a remote, or none that can be sent
    └── RemoteProblem        what a call to a remote came to
        ├── RemoteAway       no answer
        └── RemoteRefused    another answer than was asked for
"""

from collections.abc import Sequence

from kilnmark.lab.errors import LabError, NotFit
from kilnmark.protocol.exits import ExitCode

__all__ = [
    "DeadCheckpoint",
    "EnvironmentChanged",
    "ImportRefused",
    "KeyUnusable",
    "NewTrainingNeeded",
    "RemoteAway",
    "RemoteProblem",
    "RemoteRefused",
    "TrainerUnusable",
    "TrainingEnded",
    "TrainingProblem",
    "TrainingUncertain",
]


class TrainingProblem(LabError):
    """The root of what is wrong with trainings."""

    kind = "training"


class TrainerUnusable(TrainingProblem, NotFit):
    """A trainer that cannot be begun.

    Args:
        what: Its name in the table.
        reason: What is missing.
        mend: What to do.
    """

    kind = "trainer_unusable"
    exit_code = ExitCode.USAGE
    _before = "trainer {what}: "


class EnvironmentChanged(TrainingProblem):
    """Versions or numbers are not those that the training began with.

    Args:
        run: The run's folder.
        changes: Each as `name: before -> now`.
    """

    kind = "environment_changed"
    exit_code = ExitCode.USAGE

    def __init__(self, run: str, changes: Sequence[str]) -> None:
        super().__init__(run, changes)
        self.run = run
        self.changes = tuple(changes)

    def __str__(self) -> str:
        return (
            f"{self.run}: since this training began, it changed: {'; '.join(self.changes)}; "
            f"go back to that, or begin anew with `kilnmark lab train {self.run} --new-training`"
        )


class NewTrainingNeeded(TrainingProblem):
    """Training would begin a second time, and only a person may want that.

    Args:
        run: The run's folder.
        reason: What is there already.
    """

    kind = "new_training_needed"
    exit_code = ExitCode.USAGE

    def __init__(self, run: str, reason: str) -> None:
        super().__init__(run, reason)
        self.run = run
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.run}: {self.reason}; `kilnmark lab train {self.run} --new-training` begins another training"


class TrainingUncertain(TrainingProblem):
    """The call that starts a paid training was perhaps sent, and the remote shows none of that key.

    Args:
        run: The run's folder.
        base_url: The remote's.
        key: The training's idempotency key.
        upload: The address of its dataset there, by which a person finds it.
        at: When it was intended.
    """

    kind = "training_uncertain"
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, run: str, base_url: str, key: str, upload: str, at: str) -> None:
        super().__init__(run, base_url, key, upload, at)
        self.run = run
        self.base_url = base_url
        self.key = key
        self.upload = upload
        self.at = at

    def __str__(self) -> str:
        return (
            f"{self.run}: a paid training was about to be started at {self.at}, and {self.base_url} lists none of its "
            f"key, {self.key}. Look there for one whose input is {self.upload}: if there is one, "
            f"`kilnmark lab train {self.run} --adopt ID` goes on with it; if there is none, "
            f"`kilnmark lab train {self.run} --new-training` starts one"
        )


class TrainingEnded(TrainingProblem):
    """A training came to nothing. It is not begun again by itself.

    Args:
        run: The run's folder.
        failure: The first line that failed, or the remote's own error.
        log: Where all of it can be read.
        mend: What to do.
    """

    kind = "training_ended"

    def __init__(self, run: str, failure: str, log: str, mend: str) -> None:
        super().__init__(run, failure, log, mend)
        self.run = run
        self.failure = failure
        self.log = log
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.failure} (log: {self.log}); {self.mend}"


class DeadCheckpoint(TrainingProblem):
    """A checkpoint of a training changes nothing, so what comes after it is not waited for.

    Args:
        run: The run's folder.
        file: The checkpoint.
        reason: What the inspection says.
    """

    kind = "dead_checkpoint"
    exit_code = ExitCode.NOT_ENGAGED

    def __init__(self, run: str, file: str, reason: str) -> None:
        super().__init__(run, file, reason)
        self.run = run
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.file} is dead: {self.reason}; the training was ended; mend its numbers in run.toml, then "
            f"`kilnmark lab train {self.run} --new-training`"
        )


class ImportRefused(TrainingProblem, NotFit):
    """A file that does not become a checkpoint of a run.

    Args:
        what: The file.
        reason: What is wrong with it.
        mend: What to do.
    """

    kind = "import_refused"
    exit_code = ExitCode.NOT_ENGAGED


class KeyUnusable(TrainingProblem):
    """There is no key for a remote, or none that can be sent. The key itself is in no message.

    Args:
        variable: The environment's, that holds it.
        reason: What is wrong.
    """

    kind = "key_unusable"
    exit_code = ExitCode.USAGE

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(variable, reason)
        self.variable = variable
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.variable} {self.reason}; set it in the environment; it is read from nowhere else"


class RemoteProblem(TrainingProblem):
    """A call to a remote that did not come to what was asked for."""

    kind = "remote"


class RemoteAway(RemoteProblem):
    """A remote gives no answer, or none that can be read.

    Args:
        what: The call.
        reason: What happened.
        was_sent: Whether the remote may have received it all the same.
    """

    kind = "remote_away"
    retryable = True
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, what: str, reason: str, *, was_sent: bool) -> None:
        super().__init__(what, reason, was_sent)
        self.what = what
        self.reason = reason
        self.was_sent = was_sent

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; the same command goes on from here once the remote answers"


class RemoteRefused(RemoteProblem):
    """A remote answers that it does not do it.

    Args:
        what: The call.
        status: Of HTTP.
        detail: The remote's own words.
        retry_after: Seconds that it asks to be left alone; None: it says nothing of that.
    """

    kind = "remote_refused"

    def __init__(self, what: str, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(what, status, detail, retry_after)
        self.what = what
        self.status = status
        self.detail = detail
        self.retry_after = retry_after

    @property
    def is_passing(self) -> bool:
        """Whether the same call may be answered later."""
        return self.status in {408, 425, 429} or self.status >= 500  # noqa: PLR2004 - of HTTP

    def __str__(self) -> str:
        mend = {
            401: "the key is not taken; set another one",
            402: "the remote wants to be paid first",
            403: "the key may not do this",
            404: "correct [training.remote] in run.toml",
        }.get(self.status, "the same command asks again" if self.is_passing else "correct what the remote names")
        return f"{self.what}: {self.status} {self.detail}; {mend}"
