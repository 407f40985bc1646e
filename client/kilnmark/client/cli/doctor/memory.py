"""How much memory this process may take by its control group, as containers and services have one (Linux, cgroups)."""

from pathlib import Path

__all__ = ["group_limit"]

GROUPS = Path("/sys/fs/cgroup")
"""Where they are mounted."""

OWN = Path("/proc/self/cgroup")
"""Which this process is in."""

_LIMITS = ("memory.max", "memory.limit_in_bytes")
"""Of version 2 and of version 1, below `memory` there."""


def group_limit() -> int | None:
    """The least that this process's group and those above it allow, in bytes; None: no limit is known."""
    found = [limit for group in _groups() for name in _LIMITS if (limit := _limit(group / name)) is not None]
    return min(found, default=None)


def _groups() -> list[Path]:
    """This process's own groups, each with those above it."""
    try:
        lines = OWN.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            root = GROUPS / controllers
            own = root / path.strip("/")
            found += [root, *(each for each in (own, *own.parents) if root in each.parents)]
    return found


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # `max`: none
        return None
