"""What is wrong with the files and documents that a request names, as the error that the request ends with.

The one place where errors of content and of adapter files become errors of the wire, with the field they came in by.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.protocol.content.problems import UnknownName, UnusableContent
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.wire.errors import AdapterRefused, InvalidParams, PictureRefused, RequestError

__all__ = ["ASKED", "as_asked"]

E = TypeVar("E", bound=KilnmarkError)


def _unknown(error: UnknownName) -> RequestError:
    what, _, mend = error.problems[0].message.partition("; ")
    return InvalidParams(f"{what} - at `$.params.{error.kind}`; {mend}")


def _unusable(error: UnusableContent) -> RequestError:
    words = "; ".join(map(str, error.problems))
    return InvalidParams(
        f"its visual_style is not usable - at `$.params.genre`; {words}", detail={"problems": list(error.problems)}
    )


def _refused(error: RefusedFile) -> RequestError:
    return AdapterRefused(str(error))


def _no_picture(error: RefusedPicture) -> RequestError:
    return PictureRefused(str(error))


ASKED: Mapping[type[KilnmarkError], Callable[..., RequestError]] = {
    UnknownName: _unknown,
    UnusableContent: _unusable,
    RefusedFile: _refused,
    RefusedPicture: _no_picture,
}
"""By the class of what is wrong, or the nearest above it."""


@contextmanager
def as_asked() -> Iterator[None]:
    """Raise what is wrong with files and documents as what is wrong with the request.

    Raises:
        InvalidParams, AdapterRefused: As `ASKED` has it.
    """
    try:
        yield
    except tuple(ASKED) as error:
        raise nearest(ASKED, type(error))(error) from error
