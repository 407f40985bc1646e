"""A picture held to the base that was asked for: since it said what it holds, a daemon may have been started anew."""

from pathlib import Path

from kilnmark.farm.content.local import LocalFile, local_file
from kilnmark.farm.documents import FarmNeeds
from kilnmark.farm.errors import FarmNotUsable, WorkRefused
from kilnmark.protocol.picture.record import find_record

__all__ = ["painted_on"]


def painted_on(needs: FarmNeeds, picture: Path, name: str) -> LocalFile:
    """A picture that is of the base which its job needs.

    Args:
        needs: Of the job.
        picture: The PNG, as the daemon wrote it.
        name: What it is to be called beside others.

    Raises:
        WorkRefused: It is of another.
        FarmNotUsable: It cannot be read, or says nothing of itself.
        OSError: It cannot be opened.
    """
    _check_base(needs, picture)
    return local_file(picture, name)


def _check_base(needs: FarmNeeds, picture: Path) -> None:
    """See that a picture is of the weights and the numerics that its job needs.

    Args:
        needs: Of the job.
        picture: The PNG, as the daemon wrote it.

    Raises:
        WorkRefused: It is of others.
        FarmNotUsable: It says nothing of itself.
        OSError: It cannot be read.
    """
    with picture.open("rb") as file:
        record = find_record(file)
    if record is None:
        raise FarmNotUsable(str(picture), "does not say what it was painted with; keep others out of it")
    base = record.base
    if needs.fingerprint not in {"", base.fingerprint}:
        have, wanted = base.fingerprint[:12], needs.fingerprint[:12]
        said = (
            f"its daemon has {needs.variant} with the weights {have}, and not {wanted}; give it the same as others have"
        )
        raise WorkRefused(said, whole_base=True)
    if needs.numerics not in {None, base.numerics}:
        said = f"its daemon computes {needs.variant} in {base.numerics}, and not in {needs.numerics}"
        raise WorkRefused(f"{said}; start it with --numerics {needs.numerics}", whole_base=True)
