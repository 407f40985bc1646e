"""Files as programs and agents name them: absolute, or below a folder of the daemon, since their own is nobody's.

Where no folder of the daemon has a file of that name, the first of them is meant, so that the refusal names it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from kilnmark.protocol.wire.status import StatusResult

__all__ = ["adapter_folders", "located", "picture_folders"]


def adapter_folders(status: StatusResult) -> list[str]:
    """Where adapters are read from."""
    return [*status.lora_roots, *([] if status.packs is None else [status.packs.folder])]


def picture_folders(status: StatusResult) -> list[str]:
    """Where pictures are read from that others start from."""
    return [status.output_dir, *status.image_roots, *([] if status.packs is None else [status.packs.folder])]


def located(path: str, folders: Sequence[str]) -> str:
    """A file as the daemon is asked for it.

    Args:
        path: As it was named.
        folders: Where one that is relative may lie.
    """
    if Path(path).is_absolute() or path.startswith("~") or not folders:
        return path
    places = [str(Path(folder) / path) for folder in folders]
    return next((place for place in places if os.path.exists(place)), places[0])  # noqa: PTH110 - odd names are no error
