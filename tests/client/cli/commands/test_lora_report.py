"""`lora report` as a process: the document, where it goes, and that nothing else is replaced."""

import subprocess
from pathlib import Path

import pytest

from kilnmark.keymaps.filereport.document import read_report
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.client.here import run_here


def report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command where no daemon is."""
    return run_here("lora", "report", *arguments, env={"KILNMARK_SOCKET": "/nowhere/daemon.sock"})


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "ink.safetensors", "unknown", rank=1, blocks=1)


def test_the_report_on_a_declined_file_is_all_that_is_printed(adapter: Path) -> None:
    done = report(adapter)
    assert (done.returncode, done.stderr) == (0, "")
    found = read_report(done.stdout)
    assert (found.verdict, found.variant, found.named) == (Verdict.NOOP, "dev", "")
    assert "ink" not in done.stdout


def test_it_goes_to_a_file_and_replaces_none_unasked(adapter: Path, tmp_path: Path) -> None:
    goal = tmp_path / "report.json"
    first = report(adapter, "--output", goal, "--variant", "z-image-turbo")
    assert (first.returncode, first.stderr) == (0, "")
    assert "look it through" in first.stdout
    assert read_report(goal.read_bytes()).variant == "z-image-turbo"
    goal.write_text("mine")
    again = report(adapter, "--output", goal)
    assert (again.returncode, goal.read_text()) == (2, "mine")
    assert report(adapter, "--output", goal, "--force").returncode == 0
    assert read_report(goal.read_bytes()).variant == "dev"


def test_what_is_not_there_or_cannot_be_written_ends_as_everywhere(adapter: Path, tmp_path: Path) -> None:
    assert report(tmp_path / "none.safetensors").returncode == 3
    assert report(adapter, "--output", tmp_path / "no" / "report.json").returncode == 2
