"""Where a node keeps what its daemon reads: below the folders that the daemon was given, and nowhere else."""

import contextlib
from pathlib import Path

from kilnmark.farm.errors import FarmNotUsable
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["content_folders"]


def content_folders(status: StatusResult, chosen: Path | None) -> tuple[Path, Path]:
    """Where a node keeps adapters and pictures, so that its daemon may read them.

    Args:
        status: What the daemon says of its folders.
        chosen: Of adapters, where somebody chose.

    Raises:
        FarmNotUsable: The daemon may not read there, or nothing can be written in any folder that it reads.
    """
    roots = [Path(root) for root in status.lora_roots]
    pictures = Path(status.output_dir) / ".farm"
    if chosen is not None:
        if not any(chosen.resolve().is_relative_to(root.resolve()) for root in roots):
            reason = "the daemon does not read adapters there; start it with --lora-root of that folder, too"
            raise FarmNotUsable(str(chosen), reason)
        return chosen, pictures
    for root in reversed(roots):
        folder = root / "farm"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return folder, pictures
    where = ", ".join(map(str, roots)) or "it has none"
    raise FarmNotUsable("the daemon's adapter roots", f"nothing can be written there ({where}); give --content")
