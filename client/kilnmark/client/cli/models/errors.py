"""Why a model could not be fetched or removed. Each stores facts and words them when it is printed."""

from pathlib import Path
from typing import ClassVar

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.family import Variant

__all__ = [
    "CacheUnusable",
    "DamagedFile",
    "FetchedElsewhere",
    "FetchingForbidden",
    "HubFailed",
    "HubNotInstalled",
    "ModelInUse",
    "ModelNotHere",
    "ModelNotPublished",
    "ModelProblem",
    "ModelWithheld",
    "NoRoom",
    "NotWhole",
    "NothingToFetch",
]


class ModelProblem(KilnmarkError):
    """The root of what can go wrong with a model.

    Attributes:
        kind: A short word for programs.
        retryable: Whether the same command may succeed later, unchanged.
    """

    kind: ClassVar[str] = "model"
    retryable: ClassVar[bool] = False


class NothingToFetch(ModelProblem):
    """A model that is published nowhere.

    Args:
        variant: Which.
    """

    kind = "nothing_to_fetch"

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant)
        self.variant = variant

    def __str__(self) -> str:
        row = self.variant
        why = "its numbers are made on the spot" if row.made_up else "its family does not say where it is published"
        return f"{row.name} is not fetched: {'it comes with kilnmark' if row.shipped else why}"


class HubNotInstalled(ModelProblem):
    """The package that speaks to the hub is missing."""

    kind = "hub_not_installed"

    def __str__(self) -> str:
        lacking = "models are fetched with huggingface_hub (1.0 or later), which the light installation lacks"
        return f"{lacking}; install kilnmark[daemon], or huggingface_hub beside it"


class FetchingForbidden(ModelProblem):
    """What the variables say keeps everybody from the network.

    Args:
        reason: Which of them, and what it says.
        mend: What to do.
    """

    kind = "forbidden"

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason, mend)
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"nothing is fetched: {self.reason}; {self.mend}"


class ModelWithheld(ModelProblem):
    """The hub does not give a model to this user.

    Args:
        repository: Which.
        page: Where its licence is accepted.
        status: What the hub answered with, 401 or 403.
        token: Where the token that was sent is from; None: none was.
    """

    kind = "withheld"

    def __init__(self, repository: str, page: str, status: int, token: str | None) -> None:
        super().__init__(repository, page, status, token)
        self.repository = repository
        self.page = page
        self.status = status
        self.token = token

    def __str__(self) -> str:
        log_in = "run `hf auth login`, or set $HF_TOKEN"
        withheld = f"the hub does not give {self.repository}"
        if self.token is None:
            return f"{withheld} without a token ({self.status}): accept its licence at {self.page}, then {log_in}"
        if self.status == 401:  # noqa: PLR2004 - as HTTP has it: it does not know who asks
            return f"{withheld} to the token of {self.token}, which is not valid ({self.status}): {log_in}"
        accept = f"accept its licence at {self.page} with the account that it is of"
        return f"{withheld} to the token of {self.token} ({self.status}): {accept}, and let it read gated repositories"


class ModelNotPublished(ModelProblem):
    """The hub has no such repository, or not that state or file of it.

    Args:
        address: Of the hub.
        what: What it does not have.
    """

    kind = "not_published"

    def __init__(self, address: str, what: str) -> None:
        super().__init__(address, what)
        self.address = address
        self.what = what

    def __str__(self) -> str:
        why = "it was moved or withdrawn, or $HF_ENDPOINT names a mirror that lacks it"
        return f"{self.address} has no {self.what}; {why}"


class HubFailed(ModelProblem):
    """The hub cannot be reached, or does not answer as it should.

    Args:
        address: Of the hub.
        reason: What happened.
        kept: Some bytes of the file that was being fetched are kept.
    """

    kind = "hub_failed"
    retryable = True

    def __init__(self, address: str, reason: str, *, kept: bool = False) -> None:
        super().__init__(address, reason, kept)
        self.address = address
        self.reason = reason
        self.kept = kept

    def __str__(self) -> str:
        kept = "; what came is kept, and the same command goes on from there" if self.kept else ""
        return f"{self.address} cannot be fetched from now: {self.reason}{kept}"


class DamagedFile(ModelProblem):
    """What was fetched is not what the hub says that it has; it was removed.

    Args:
        file: Its name in the repository.
        reason: How it differs.
    """

    kind = "damaged"
    retryable = True

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.file} came damaged: {self.reason}; it was removed, and the same command fetches it again"


class NotWhole(ModelProblem):
    """All files of a model are here, and they are no model.

    Args:
        name: The variant.
        problem: What is wrong with them.
    """

    kind = "not_whole"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem

    def __str__(self) -> str:
        mend = f"`kilnmark models pull {self.name} --verify` fetches again what was damaged since it came"
        return f"all files of {self.name} are here, and it cannot be loaded: {self.problem}; {mend}"


class NoRoom(ModelProblem):
    """The disk cannot take it.

    Args:
        cache: Where it would be.
        reason: What is there and what is needed.
    """

    kind = "no_room"

    def __init__(self, cache: Path, reason: str) -> None:
        super().__init__(cache, reason)
        self.cache = cache
        self.reason = reason

    def __str__(self) -> str:
        mend = "make room and run the same command, which goes on from what is there, or set $HF_HOME to another disk"
        return f"{self.cache} has no room: {self.reason}; {mend}"


class CacheUnusable(ModelProblem):
    """Nothing can be read, written or removed in the cache.

    Args:
        path: Where.
        reason: What the system said.
    """

    kind = "cache_unusable"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be used: {self.reason}; mend that, or set $HF_HOME to another folder"


class FetchedElsewhere(ModelProblem):
    """Another process fetches the same file now.

    Args:
        path: The file that it has.
    """

    kind = "fetched_elsewhere"
    retryable = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"another `kilnmark models pull` is writing {self.path}; wait for it"


class ModelNotHere(ModelProblem):
    """There is nothing of a model to remove.

    Args:
        names: The models.
        needed_by: Other models that are made of the same files; none: there are no files.
    """

    kind = "not_here"

    def __init__(self, names: list[str], needed_by: list[str]) -> None:
        super().__init__(names, needed_by)
        self.names = names
        self.needed_by = needed_by

    def __str__(self) -> str:
        why = f": its files are those of {', '.join(self.needed_by)} too; name these as well" if self.needed_by else ""
        return f"there is nothing to remove of {', '.join(self.names)}{why}"


class ModelInUse(ModelProblem):
    """A daemon serves it, or may.

    Args:
        name: The model.
        socket: Where the daemon listens.
        reason: Why it may, where it could not be asked; empty: it says so.
    """

    kind = "in_use"
    retryable = True

    def __init__(self, name: str, socket: str, reason: str = "") -> None:
        super().__init__(name, socket, reason)
        self.name = name
        self.socket = socket
        self.reason = reason

    def __str__(self) -> str:
        if self.reason:
            return f"somebody listens at {self.socket} and may hold {self.name}: {self.reason}; end that daemon first"
        return f"the daemon at {self.socket} serves {self.name}; run `kilnmark stop` first"
