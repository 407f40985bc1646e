"""What stops a render, as the error that it ends with on the wire. The one place where the engine's errors become it.

What was raised for the wire stays what it is. What nobody foresaw, as MLX and mflux raise what they like, is a render
that failed.
"""

from collections.abc import Mapping, Sequence

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import AdapterRefused, RenderFailed, RequestError
from kilnmark.protocol.wire.work import Failed

__all__ = ["ENDS", "failed"]

ENDS: Mapping[type[KilnmarkError], type[RequestError]] = {
    KilnmarkError: RenderFailed,
    RefusedFile: AdapterRefused,
}
"""By the class of an error that is no `RequestError`, or the nearest above it."""


def failed(job_id: str, error: Exception, loras: Sequence[AdapterReport] = (), doing: str = "rendering") -> Failed:
    """How a render ends that an error stopped.

    Args:
        job_id: Whose render it is.
        error: What was raised.
        loras: The reports made before it was.
        doing: What was under way, for an error that nobody foresaw.
    """
    if isinstance(error, RequestError):
        code, message = error.code, error.message
    elif isinstance(error, KilnmarkError):
        code, message = nearest(ENDS, type(error)).code, str(error)
    else:
        code, message = RenderFailed.code, f"the engine failed while {doing}: {type(error).__name__}: {error}"
    return Failed(job_id=job_id, code=code, message=message, loras=list(loras))
