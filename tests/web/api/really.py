"""`kilnmark web` as a process beside a daemon that really paints with `mini`, as somebody has them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import PATIENCE, Daemon, running_daemon

__all__ = ["Painted", "painted_by_mini"]

TRAINED = Path(__file__).parents[3] / "genre_packs" / "weatherwright" / "loras" / "woodcut.safetensors"


@dataclass(frozen=True)
class Painted:
    """Where programs ask, and by which token; `oak.safetensors` was trained, `ash.safetensors` is dead."""

    daemon: Daemon
    address: str
    token: str


@contextmanager
def painted_by_mini(variables: Mapping[str, str] | None = None) -> Iterator[Painted]:
    """Start both, with these variables of the environment; nothing of them is left in the end."""
    with running_daemon(variables, variant="mini") as daemon:
        shutil.copy(TRAINED, daemon.loras / "oak.safetensors")
        make_adapter(daemon.loras / "ash.safetensors", shapes=load_shapes("mini"), rank=2, dead=True)
        daemon.warm()
        env = {**os.environ, **(variables or {}), "XDG_STATE_HOME": str(daemon.loras.parent / "state")}
        words = [sys.executable, "-m", "kilnmark.client.cli", "web"]
        told = subprocess.run([*words, "token"], capture_output=True, text=True, env=env, timeout=PATIENCE, check=True)
        served = [*words, "--port", "0", "--socket", str(daemon.socket)]
        with subprocess.Popen(served, stdout=subprocess.PIPE, text=True, env=env) as server:
            try:
                assert server.stdout is not None
                found = re.search(r"http://[^/]+", server.stdout.readline())
                assert found is not None
                yield Painted(daemon, found[0], told.stdout.strip())
            finally:
                server.terminate()
                server.wait(PATIENCE)
