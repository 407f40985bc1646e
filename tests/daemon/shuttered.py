"""Daemons as processes with a real worker whose base takes no time: a Pinhole, held at the points that a test names.

For tests of what happens to processes: what is painted does not matter to them, and where it is held they do not depend
on how long anything takes.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.daemon.conftest import Daemon, running_daemon

__all__ = ["PATH", "Shuttered", "shuttered"]

_HERE = Path(__file__).resolve().parent

PATH = os.pathsep.join(str(folder) for folder in (_HERE / "installed", _HERE.parents[1]))
"""On it lies `shutter`, as an installer would have left it, and the Pinhole that it is made of."""


class Shuttered(Daemon):
    """One of them, and where it is held: at `load`, or at `step 1` of each render, which is told by then.

    At `hang 1` it hangs, and hears of nothing.
    """

    def __init__(self, daemon: Daemon, held: Path) -> None:
        super().__init__(daemon.home, daemon.process)
        self._held = held

    def hold(self, point: str) -> None:
        (self._held / point).touch()

    def release(self, point: str) -> None:
        (self._held / point).unlink()


@contextmanager
def shuttered(*points: str, env: Mapping[str, str] | None = None, **settings: object) -> Iterator[Shuttered]:
    """Start one as `running_daemon` does.

    Args:
        points: Where it is held from the start.
        env: Variables beside those of this process.
        settings: Of the daemon.
    """
    with tempfile.TemporaryDirectory(prefix="kiln-held-") as name:
        for point in points:
            (Path(name) / point).touch()
        variables = {"PYTHONPATH": PATH, "SHUTTER_HELD": name, **(env or {})}
        with running_daemon(env=variables, variant="shutter", **settings) as daemon:
            yield Shuttered(daemon, Path(name))
