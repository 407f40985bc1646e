"""The folder that the demonstration is to leave its pictures in, where there can be none."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from kilnmark.client.cli.main import kilnmark
from kilnmark.protocol.exits import ExitCode


@pytest.mark.parametrize("place", ["file/demo", "/dev/null", "/proc/demo"])
def test_it_is_told_before_anything_is_started(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    goal = str(tmp_path / place)
    found = CliRunner().invoke(kilnmark, ["demo", "--output", goal])
    assert found.exit_code == ExitCode.USAGE
    assert f"{goal!r} cannot be written in (" in found.stderr
