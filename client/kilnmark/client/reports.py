"""The engagement reports that an error of the daemon brings with it."""

import msgspec

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import RequestError

__all__ = ["reports_of"]


def reports_of(error: KilnmarkError) -> list[AdapterReport]:
    """The engagement reports that an error carries; empty when it carries none that can be read."""
    detail = error.detail if isinstance(error, RequestError) else None
    if not isinstance(detail, dict) or "loras" not in detail:
        return []
    try:
        return msgspec.convert(detail["loras"], list[AdapterReport])
    except msgspec.ValidationError:
        return []
