"""The fake remote from the side of a test: started, told what to do wrong, and asked what it was paid for."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.faults.fake_remote import KEY

__all__ = ["KEY", "FakeRemote", "fake_remote"]

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class FakeRemote:
    """A running fake.

    Attributes:
        url: Where it is.
        folder: Of the account that it has now.
    """

    url: str
    folder: Path

    def anew(self, folder: Path) -> None:
        """Another account, with nothing in it, and its ledger in a folder."""
        self.folder = folder
        self._tell("anew", folder=str(folder))

    def set(self, **values: Any) -> None:
        """What it does from now on; see `Account`."""
        self._tell("set", **values)

    @property
    def calls(self) -> list[str]:
        """All calls that came."""
        found: list[str] = self._tell("calls")["calls"]
        return found

    def ledger(self, what: str) -> list[dict[str, Any]]:
        """Its entries of one kind."""
        path = self.folder / "ledger.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["what"] == what]

    def _tell(self, what: str, **values: Any) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/-/{what}", json.dumps(values).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


@contextmanager
def fake_remote(folder: Path) -> Iterator[FakeRemote]:
    """A fake remote in a process of its own, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "tests.lab.faults.fake_remote", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield FakeRemote(f"http://127.0.0.1:{int(process.stdout.readline())}", folder)
        finally:
            process.kill()
