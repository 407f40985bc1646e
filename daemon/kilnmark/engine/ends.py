"""What stops a render, as the error that it ends with on the wire. The one place where the engine's errors become it.

What was raised for the wire stays what it is. What nobody foresaw, as MLX and mflux raise what they like, is a render
that failed.
"""

import re
from collections.abc import Mapping, Sequence

from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import AdapterRefused, PictureRefused, RenderFailed, RequestError
from kilnmark.protocol.wire.work import Failed

__all__ = ["ENDS", "failed"]

ENDS: Mapping[type[KilnmarkError], type[RequestError]] = {
    KilnmarkError: RenderFailed,
    RefusedFile: AdapterRefused,
    RefusedPicture: PictureRefused,
}
"""By the class of an error that is no `RequestError`, or the nearest above it."""

_NO_MEMORY = re.compile(
    r"bad_alloc|out of memory|cannot allocate|(unable|attempting|failed) to allocate", re.IGNORECASE
)
"""What the C++ library, MLX, CUDA and Metal say where an allocation fails."""


def failed(
    job_id: str,
    error: Exception,
    loras: Sequence[AdapterReport] = (),
    doing: str = "rendering",
    smaller: str = "a smaller picture",
) -> Failed:
    """How a render ends that an error stopped.

    Args:
        job_id: Whose render it is.
        error: What was raised.
        loras: The reports made before it was.
        doing: What was under way, for an error that nobody foresaw.
        smaller: What would take less memory.
    """
    if _is_want_of_memory(error):
        message = f"there was not memory enough for {doing} ({type(error).__name__}: {error}); ask for {smaller}"
        code, message = RenderFailed.code, f"{message}, or give the worker more memory"
    elif isinstance(error, RequestError):
        code, message = error.code, error.message
    elif isinstance(error, KilnmarkError):
        code, message = nearest(ENDS, type(error)).code, str(error)
    else:
        code, message = RenderFailed.code, f"the engine failed while {doing}: {type(error).__name__}: {error}"
    return Failed(job_id=job_id, code=code, message=message, loras=list(loras))


def _is_want_of_memory(error: Exception) -> bool:
    """MLX raises a RuntimeError, on each back end with words of its own."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error))))
