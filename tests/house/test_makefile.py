"""The Makefile: what each target would run is whole lines of shell. Nothing is run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize("target", TARGETS)
def test_what_a_target_would_run_is_whole_lines_of_shell(target: str) -> None:
    asked = subprocess.run(
        ["make", "-n", "-o", f".venv/.ready-{backend()}", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stderr) == (0, "")
    read = subprocess.run(["sh", "-n"], input=asked.stdout, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, ""), asked.stdout
    assert ("kilnmark: installed. To make it a command" in asked.stdout) == (target == "setup")


def backend() -> str:
    """The one that this environment was set up for."""
    ready = next((ROOT / ".venv").glob(".ready-*"), None)
    return "cpu" if ready is None else ready.name.removeprefix(".ready-")
