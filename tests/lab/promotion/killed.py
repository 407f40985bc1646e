"""`python -m tests.lab.promotion.killed PACKS`: promotions that are killed at every sync and rename, and many at once.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kilnmark.client.pack_files import PackFolder
from kilnmark.lab.promotion.promote import promote
from kilnmark.protocol.content.promoted import load_promotions
from tests.lab.promotion.candidates import candidate

OLD, NEW = "a" * 64, "b" * 64


def promoted(packs: Path) -> list[str]:
    """The hashes in the manifest, which is read whole or fails."""
    return [each.sha256 for each in load_promotions(PackFolder(packs), "ink").manifest.promoted]


def forked(work: Callable[[], object]) -> int:
    """Do it in another process; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def dying_at(count: int, packs: Path) -> None:
    """Promote, and die before the so-many-th call that the disk hears of."""
    calls = iter(range(1, 100))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        return call

    for place, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (Path, "replace"), (Path, "open")):
        setattr(place, name, dying(getattr(place, name)))
    promote(candidate(packs / "x", NEW), packs, "ink", signed_by="Ada")


def kills(packs: Path) -> dict[str, object]:
    """One after another, until one is not killed any more."""
    came = []
    for count in range(1, 100):
        (packs / "ink" / "loras.yaml").unlink(missing_ok=True)
        promote(candidate(packs / "x", OLD), packs, "ink", signed_by="Ada")
        pid = forked(lambda count=count: dying_at(count, packs))  # type: ignore[misc]
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        came.append(promoted(packs))
        promote(candidate(packs / "x", NEW), packs, "ink", signed_by="Ada", patience=0)
        if promoted(packs) != [NEW]:
            raise AssertionError(count)
        if not killed:
            return {"kills": count - 1, "old": came.count([OLD]), "new": came.count([NEW])}
    raise AssertionError("it never came to its end")


def crowd(packs: Path, size: int) -> list[str]:
    """So many at once, each with bytes of its own; what stands in the manifest then."""
    (packs / "ink" / "loras.yaml").unlink(missing_ok=True)
    hashes = [f"{i:064x}" for i in range(size)]
    pids = [
        forked(lambda one=one: promote(candidate(packs / "x", one, one[-4:]), packs, "ink", signed_by="Ada"))  # type: ignore[misc]
        for one in hashes
    ]
    for pid in pids:
        os.waitpid(pid, 0)
    return promoted(packs)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.stdout.write(json.dumps({**kills(root), "crowd": sorted(crowd(root, 12))}))
